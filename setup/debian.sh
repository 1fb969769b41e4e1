# Debian packages: with apt-get as root; without root fetched and unpacked under $tools/debian. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

debian=$tools/debian
is_apt_updated=no

on_debian() { have apt-get && have dpkg; }

# Without the certificates of the authorities no package of a language can be fetched.
set_up_certificates() {
  ! on_debian || ! is_root || [ -e /etc/ssl/certs/ca-certificates.crt ] || install_debian certificates ca-certificates
}

# Makes PACKAGES usable: install_debian WORDS PACKAGE... Fails where that is not possible.
install_debian() {
  what=$1
  shift
  on_debian || return 1
  if is_root; then
    step "installing $what (apt-get): $*"
    install_with_apt "$@" && return 0
    failed "installing $what" "apt-get update && apt-get install -y --no-install-recommends $*"
  else
    step "installing $what (without root, into $debian): $*"
    unpack_debian "$@" && return 0
    failed "fetching $what" "sudo apt-get install -y --no-install-recommends $*"
  fi
  return 1
}

install_with_apt() {
  set -- -qq -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "$@"
  if [ $is_apt_updated = no ]; then
    run_over_network apt-get -qq -o DPkg::Lock::Timeout=300 update || return 1
    is_apt_updated=yes
  fi
  run_over_network env DEBIAN_FRONTEND=noninteractive apt-get install --download-only "$@" || return 1
  is_protected=yes
  run env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install "$@"
  set -- $?
  is_protected=no
  return "$1"
}

# apt-get resolves what is not installed yet, with lists and a cache of its own; dpkg unpacks it.
unpack_debian() {
  apt=$tools/apt
  rm -rf "$apt/archives"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$debian" || return 1
  [ $is_apt_updated = yes ] || run_over_network apt_here update || return 1
  is_apt_updated=yes
  run_over_network apt_here install -y --no-install-recommends --no-remove --download-only "$@" || return 1
  for deb in "$apt"/archives/*.deb; do
    case ${deb##*/} in libc6_* | libc-bin_* | base-files_*) continue ;; esac # the machine's own fit its loader
    run dpkg -x "$deb" "$debian" || return 1
  done
  rm -rf "$apt/archives"
  mend_links
}

apt_here() {
  exec apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none \
    -o Acquire::GzipIndexes=true -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt" \
    -o Dir::Cache::archives="$apt/archives" "$@"
}

# A package's absolute links mean the root of the machine: point them to the unpacked tree where it has the target.
mend_links() {
  find "$debian" -type l -lname '/*' | while IFS= read -r link; do
    target=$(readlink "$link")
    case $target in "$debian"/*) continue ;; esac
    if [ -e "$debian$target" ] || [ -L "$debian$target" ]; then ln -sfn "$debian$target" "$link"; fi
  done
}

# Where the unpacked libraries lie, as LD_LIBRARY_PATH wants it. (BLAS has no link without its package's scripts.)
debian_libraries() {
  for folder in "$debian"/usr/lib/*-linux-gnu* "$debian"/usr/lib/*-linux-gnu*/blas \
    "$debian"/usr/lib/*-linux-gnu*/lapack "$debian"/lib/*-linux-gnu* "$debian"/usr/lib/R/lib; do
    [ ! -d "$folder" ] || printf '%s:' "$folder"
  done | sed 's/:$//' # an empty entry would mean the working directory
}

# Puts a tool of the unpacked tree on the PATH: wrap NAME PROGRAM [VARIABLE=VALUE...]
wrap() {
  name=$1
  program=$2
  shift 2
  {
    echo '#!/bin/sh'
    echo "# Runs the $name that was unpacked without root."
    echo "export LD_LIBRARY_PATH=$(quote "$(debian_libraries)")\"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""
    for assignment; do echo "export ${assignment%%=*}=$(quote "${assignment#*=}")"; done
    echo "exec $(quote "$program") \"\$@\""
  } >"$tools/bin/.$name.new"
  chmod 755 "$tools/bin/.$name.new"
  mv "$tools/bin/.$name.new" "$tools/bin/$name"
}

quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
