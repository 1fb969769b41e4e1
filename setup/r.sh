# R and the R packages that the models and the harness need, and the harness itself. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

set_up_r() {
  r_packages='randomForest palmerpenguins jsonlite bit64'
  [ "$with_tests" = no ] || r_packages="$r_packages testthat"
  r_library=$environments/r
  mkdir -p "$r_library"
  if ! has_r; then
    set --
    have Rscript || set -- r-base-core
    for package in $r_packages; do set -- "$@" "r-cran-$(printf %s "$package" | tr '[:upper:]' '[:lower:]')"; done
    if install_debian R "$@" && ! is_root; then use_unpacked_r; fi
    if ! has_r; then
      lacks "R (Rscript with the packages $r_packages)" "$@"
      return
    fi
  fi
  set_up_r_harness
}

# The compiled harness, and the helper that lets R fork its instances. No C compiler is installed for it: without it each
# instance loads its model.
set_up_r_harness() {
  compiler=$(cc -dumpmachine 2>/dev/null || true)
  key=$(key_of "harness $(R --version | head -n 1) $compiler" runtimes/r/compile.R runtimes/r/harness/R/*.R runtimes/r/native/fork.c setup/r.sh)
  harness=$data/harness/r
  ! is_current "$harness" "$key" || return 0
  step "building the R harness (Rscript${compiler:+, cc})"
  rm -rf "$harness.new"
  mkdir -p "$harness.new"
  if ! run Rscript --vanilla runtimes/r/compile.R runtimes/r/harness/R "$harness.new/harness.rds"; then
    failed "building the R harness" "Rscript runtimes/r/compile.R runtimes/r/harness/R $harness/harness.rds"
    lacks "the R harness"
    return
  fi
  if [ -n "$compiler" ] && ! run cc -O2 -Wall -Wextra -shared -fPIC -o "$harness.new/fork.so" runtimes/r/native/fork.c; then
    failed "building the R harness's helper" "cc -shared -fPIC -o $harness/fork.so runtimes/r/native/fork.c"
  fi
  publish "$harness.new" "$harness" "$key"
}

has_r() {
  have Rscript && holds "$(command -v Rscript) with $r_packages" env R_LIBS="$r_library" Rscript --vanilla -e "
    wanted <- strsplit('stats utils $r_packages', ' ')[[1]]
    quit(status = !all(vapply(wanted, requireNamespace, logical(1), quietly = TRUE)))"
}

# The unpacked packages go to the R library of the environments. R's own script names its home, which is another now,
# and its Renviron is put there by a script of the package.
use_unpacked_r() {
  home=$debian/usr/lib/R
  for package in "$home"/site-library/*; do
    [ -d "$package" ] || continue
    rm -rf "${r_library:?}/${package##*/}"
    mv "$package" "$r_library"
  done
  [ -x "$home/bin/exec/R" ] || return 0 # the machine has an R of its own, only packages were missing
  sed -i -E "s|^(R_[A-Z]+_DIR=)/usr|\1$(quote "$debian")/usr|" "$home/bin/R"
  [ -e "$home/etc/Renviron" ] || ln -sf Renviron.ucf "$home/etc/Renviron"
  wrap R "$home/bin/R" "R_LIBS_SITE=$r_library"
  wrap Rscript "$debian/usr/bin/Rscript" "RHOME=$home" "R_LIBS_SITE=$r_library"
}
