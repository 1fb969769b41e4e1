# Node: the packages of the repository, the build, the packages of the Node models. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

require_node() {
  if ! have node || ! have npm; then
    say "Node.js and npm are not installed. Any Node.js from 18 on starts the set-up; it brings the one that Idiom runs on."
    ! on_debian || say "to install them: sudo apt-get install -y nodejs npm"
    exit 1
  fi
}

set_up_idiom() {
  set_up_packages
  build
}

# npm writes node_modules/.package-lock.json last, so it tells whether node_modules is complete and up to date.
set_up_packages() {
  if [ -z "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ]; then
    step "installing npm packages (npm ci)"
    npm_ci --include=dev --include=optional || fatal "installing npm packages" "npm ci"
    touch node_modules/.package-lock.json
    # npm 9 leaves out the other platform's node after linking it, and takes this platform's link away with it.
    [ -e node_modules/.bin/node ] || run npm rebuild --ignore-scripts --loglevel=error
  fi
  version=$(PATH=$repository/node_modules/.bin:$PATH node --version 2>&1)
  case $version in
    v2[4-9].* | v[3-9][0-9].*) ;;
    *)
      say "Idiom needs Node.js 24, and npm has none for this machine ($(uname -sm), found: $version). Install it."
      exit 1
      ;;
  esac
}

# Compiles when a source is newer than the last build. The stamp carries the time at which the build began.
build() {
  [ -f tsconfig.build.json ] || return 0
  set -- package-lock.json
  for source in src workers proto runtimes/node/harness tsconfig*.json; do [ ! -e "$source" ] || set -- "$@" "$source"; done
  if [ -f dist/.built ] && [ -z "$(find "$@" -newer dist/.built | head -n 1)" ]; then return; fi
  step "building (npm run build)"
  mkdir -p dist
  touch dist/.built.new
  run npm run build || fatal "the build" "npm run build"
  mv dist/.built.new dist/.built
}

# Each model's packages are installed from its own lock. One folder holds them all, so no two models may need different
# versions of one package.
set_up_node_models() {
  locks=$(existing examples/models/*/package-lock.json test/fixtures/models/*/node/package-lock.json)
  [ -n "$locks" ] || return 0
  # shellcheck disable=SC2086 # our own file names, without blanks
  key=$(key_of "$(uname -sm)" $locks setup/node.sh)
  ! is_current "$environments/node" "$key" || return 0
  step "installing packages of the Node models (npm ci)"
  new=$environments/node.new
  rm -rf "$new"
  mkdir -p "$new/node_modules"
  for lock in $locks; do
    mkdir "$new/one"
    cp "${lock%/*}/package.json" "$lock" "$new/one"
    if ! npm_ci --prefix "$new/one" --omit=dev; then
      failed "installing packages of the Node models" "(cd ${lock%/*} && npm ci --ignore-scripts)"
      lacks "the packages of ${lock%/*}"
    elif [ -d "$new/one/node_modules" ]; then
      cp -R "$new/one/node_modules/." "$new/node_modules"
    fi
    rm -rf "$new/one"
  done
  publish "$new" "$environments/node" "$key"
}

# What the cache has needs no network. npm's own pauses before it tries again are 10 s and 60 s.
npm_ci() {
  run_over_network npm ci --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=2000 \
    --no-audit --no-fund --loglevel=error "$@"
}
