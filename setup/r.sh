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

# The compiled harness. A helper that is there already stays with it.
set_up_r_harness() {
  [ -f runtimes/r/compile.R ] || return 0
  harness=$data/harness/r
  key=$(key_of "harness $(R --version | head -n 1)" runtimes/r/compile.R runtimes/r/harness/R/*.R setup/r.sh)
  if ! is_current "$harness" "$key"; then
    step "compiling the R harness (Rscript)"
    rm -rf "$harness.new"
    mkdir -p "$harness.new"
    if ! run Rscript --vanilla runtimes/r/compile.R runtimes/r/harness/R "$harness.new/harness.rds"; then
      failed "compiling the R harness" "Rscript runtimes/r/compile.R runtimes/r/harness/R $harness/harness.rds"
      lacks "the R harness"
      return
    fi
    [ ! -f "$harness/.helper-key" ] || cp -p "$harness/fork.so" "$harness/.helper-key" "$harness.new"
    publish "$harness.new" "$harness" "$key"
  fi
  set_up_r_helper
}

# What lets R fork its instances. No compiler is installed for it: without it each instance loads its model.
set_up_r_helper() {
  have cc || return 0
  key=$(key_of "helper $(cc -dumpmachine)" runtimes/r/native/fork.c setup/r.sh)
  if [ -f "$harness/fork.so" ] && [ "$(cat "$harness/.helper-key" 2>/dev/null)" = "$key" ]; then return 0; fi
  step "building the R harness's helper (cc)"
  if run cc -O2 -Wall -Wextra -shared -fPIC -o "$harness/fork.so.new" runtimes/r/native/fork.c; then
    printf '%s\n' "$key" >"$harness/.helper-key"
    mv "$harness/fork.so.new" "$harness/fork.so"
  else
    failed "building the R harness's helper" "cc -shared -fPIC -o $harness/fork.so runtimes/r/native/fork.c"
  fi
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
