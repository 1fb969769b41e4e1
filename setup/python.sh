# Python: one environment with what the models need, one for the clients of the tests, one for their tools. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

set_up_python() {
  python=
  find_python
  if [ -z "$python" ] && on_debian && is_root && install_debian Python python3 python3-venv; then find_python; fi
  if [ -z "$python" ]; then
    lacks "Python 3.11 (python3)" python3 python3-venv
    return
  fi
  # shellcheck disable=SC2046 # our own file names, without blanks
  set_up_environment python $(existing examples/models/*/requirements.txt test/fixtures/models/requirements.txt \
    test/fixtures/models/*/python/requirements.txt)
  if [ "$with_tests" = yes ]; then
    set_up_environment clients-python examples/clients/python/requirements.txt
    set_up_environment tests test/deploy/requirements.txt test/integration/requirements.txt
  fi
}

# The system's Python first: other uids must be able to run it, and one under a home folder they often cannot.
find_python() {
  for candidate in /usr/bin/python3 "$(command -v python3)"; do
    if [ -x "$candidate" ] && "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
}

# An environment with all that the files list: set_up_environment NAME REQUIREMENTS...
set_up_environment() {
  environment=$environments/$1
  shift
  [ $# -gt 0 ] || return 0
  key=$(key_of "$(readlink -f "$python") $environment" "$@" setup/python.sh)
  ! is_current "$environment" "$key" || return 0
  wanted=$*
  for file; do
    set -- "$@" -r "$file"
    shift
  done
  get_uv
  new=$environment.new
  rm -rf "$new"
  if have uv; then
    step "installing Python packages (uv): $wanted"
    if run uv venv --quiet --relocatable --no-project --python "$python" "$new" &&
      run_over_network uv pip install --compile-bytecode --python "$new/bin/python" "$@"; then
      publish "$new" "$environment" "$key"
      return
    fi
  fi
  step "installing Python packages (pip): $wanted"
  rm -rf "$new"
  if run "$python" -m venv "$new" && run_over_network "$new/bin/python" -m pip install "$@"; then
    grep -lI "^#!$new/bin/" "$new"/bin/* | while IFS= read -r script; do
      sed -i.bak "1s|$new|$environment|" "$script" && rm "$script.bak"
    done
    publish "$new" "$environment" "$key"
  else
    rm -rf "$new"
    failed "installing Python packages" "$python -m venv $environment && $environment/bin/python -m pip install $*"
    lacks "the Python packages of $wanted"
  fi
}

# uv is several times faster than pip, which stays as the way without it.
get_uv() {
  ! have uv || return 0
  pip_wheel=
  if ! "$python" -c 'import ensurepip' 2>/dev/null && on_debian; then
    if is_root; then
      install_debian "Python environments" python3-venv
    elif install_debian pip python3-pip-whl; then
      pip_wheel=$(existing "$debian"/usr/share/python-wheels/pip-*.whl | head -n 1)
    fi
  fi
  step "installing uv (pip)"
  new=$tools/uv.new
  rm -rf "$new"
  if [ -n "$pip_wheel" ]; then
    run "$python" -m venv --without-pip "$new"
  else
    run "$python" -m venv "$new"
  fi && run_over_network env "PYTHONPATH=$pip_wheel" "$new/bin/python" -m pip install uv &&
    publish "$new" "$tools/uv" uv && ln -sf ../uv/bin/uv "$tools/bin/uv" && return
  rm -rf "$new"
  say "uv could not be installed; pip is used"
}
