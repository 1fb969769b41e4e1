# bubblewrap, which confines the models, and what its tests need. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

# It needs no setuid bit where the kernel lets users make namespaces, so an unpacked one serves as well.
set_up_sandbox() {
  ! has_bwrap || return 0
  if install_debian bubblewrap bubblewrap && ! is_root; then wrap bwrap "$debian/usr/bin/bwrap"; fi
  has_bwrap || lacks "bubblewrap 0.8 or newer (bwrap), which confines the models" bubblewrap
}

# The attacks that test it are written in C.
set_up_compiler() {
  ! have cc || return 0
  if ! is_root || ! install_debian "a C compiler" gcc libc6-dev; then lacks "a C compiler (cc), for the tests of the sandbox" gcc libc6-dev; fi
}

has_bwrap() {
  have bwrap || return 1
  case $(bwrap --version) in
    *' 0.'[0-7].*) return 1 ;;
    *' '[0-9]*) return 0 ;;
    *) return 1 ;;
  esac
}
