# Shared by the set-up scripts: words, the log, running a command, the lock, stamps. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

data=${IDIOM_DATA:-$repository/.idiom}
case $data in /*) ;; *) data=$repository/$data ;; esac
if [ -n "${IDIOM_DATA:-}" ]; then IDIOM_DATA=$data; export IDIOM_DATA; fi
log=$data/setup.log
tools=$data/tools
environments=$data/environments
PATH=$tools/bin:$PATH
export PATH
PIP_RETRIES=${PIP_RETRIES:-1} # of five, with a growing pause
export PIP_RETRIES

child=          # the command that runs now
is_protected=no # whether it must not be stopped half-way
has_worked=no   # whether a step did something
is_network_down=no
without=        # what is missing afterwards, in words
packages=       # the Debian packages that would bring it

say() { printf 'idiom: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }
wants() { [ -z "$only" ] || [ "$only" = "$1" ]; }

# Announces a step.
step() {
  if [ $has_worked = no ] && [ -n "$(find "$log" -size +1000k 2>/dev/null)" ]; then : >"$log"; fi
  has_worked=yes
  say "$*"
  printf '\n== %s\n' "$*" >>"$log"
}

# Runs a command. Its output goes to the log, and it does not inherit the lock. It runs in the background because a
# shell handles a signal only between foreground commands.
run() {
  printf '$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null 9>&- &
  child=$!
  wait $child
  set -- $?
  child=
  return "$1"
}

# Runs a command, and once more when its output speaks of a fault of the network. (Most tools try again themselves.)
run_over_network() {
  log_size=$(wc -c <"$log")
  run "$@" && return 0
  tail -c +$((log_size + 1)) "$log" | grep -Eiq "$network_fault" || return 1
  [ $is_network_down = no ] || return 1
  say "the network failed, trying again in 5 s"
  run sleep 5
  run "$@" && return 0
  is_network_down=yes
  return 1
}
network_fault='timed? ?out|ECONNRE|EAI_AGAIN|ENOTFOUND|temporary failure|connection (reset|refused|failed|error|broken)'
network_fault="$network_fault|could not (resolve|connect)|unexpected size|hash sum mismatch|socket hang up"
network_fault="$network_fault|dns error|unknown host|(50[0234]|429) "

# Says that a step failed, shows what its last command printed (in the middle cut), and the command to run by hand.
failed() {
  say "$1 failed; from $log:"
  awk '/^\$ / { n = 0 } { lines[n++] = $0 }
    END { for (i = 0; i < n; i++) if (i < 7 || i >= n - 6) print "    " substr(lines[i], 1, 200)
      else if (i == 7) print "    ..." }
  ' "$log" >&2
  say "to try it by hand: $2"
}

# Ends the set-up: without this step the product cannot run.
fatal() {
  failed "$@"
  exit 1
}

# Notes what is missing: lacks WORDS [DEBIAN-PACKAGE...]
lacks() {
  without="$without${without:+, }$1"
  shift
  packages="$packages${*:+ $*}"
}

# Names at the end what is missing, and the one command that installs it. A language that was asked for must be there.
finish() {
  [ $has_worked = no ] || rm -rf "$tools/apt"
  if [ -n "$packages" ] && on_debian; then
    say "without $without. To install it: sudo apt-get install -y --no-install-recommends$packages"
  elif [ -n "$packages" ]; then
    say "without $without. This is no Debian with apt-get: install it your system's way."
  elif [ -n "$without" ]; then
    say "without $without"
  elif [ $has_worked = yes ]; then
    say "set up, log in $log"
  fi
  [ -z "$only" ] || [ -z "$without" ] || exit 1
}

interrupted() {
  trap '' INT TERM HUP
  if [ -n "$child" ] && [ $is_protected = yes ]; then
    say "apt-get finishes first, so that no package stays half installed"
    wait "$child" 2>/dev/null
  elif [ -n "$child" ]; then
    kill "$child" 2>/dev/null
    { sleep 2; kill -9 "$child"; } >/dev/null 2>&1 9>&- & # npm would finish what it does
    killer=$!
    wait "$child" 2>/dev/null
    kill "$killer" 2>/dev/null
  fi
  say "set-up interrupted; the next run goes on from here"
  exit "$1"
}

# One set-up at a time in a data folder. The lock ends with this process, however it ends.
only_one_at_a_time() {
  if ! mkdir -p "$tools/bin" "$environments" 2>/dev/null || ! [ -w "$data" ]; then
    say "cannot write to $data; make it yours, or set IDIOM_DATA to a folder of your own"
    exit 1
  fi
  if have flock; then
    exec 9>>"$data/setup.lock"
    if ! flock -n 9; then
      say "another set-up is running in $data, waiting for it"
      flock 9 || exit 1
    fi
  else
    until mkdir "$data/setup.lock.d" 2>/dev/null; do
      owner=$(cat "$data/setup.lock.d/pid" 2>/dev/null)
      if [ -z "$owner" ]; then
        sleep 1 # it is being written, or is a rest of a run that was killed at this point
        [ -s "$data/setup.lock.d/pid" ] || rm -rf "$data/setup.lock.d"
      elif ! kill -0 "$owner" 2>/dev/null; then
        rm -rf "$data/setup.lock.d"
      else
        [ "${told:-}" = "$owner" ] || say "another set-up ($owner) is running in $data, waiting for it"
        told=$owner
        sleep 1
      fi
    done
    echo $$ >"$data/setup.lock.d/pid"
    trap 'rm -rf "$data/setup.lock.d"' EXIT
  fi
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  trap 'interrupted 129' HUP
}

# A key for what a folder is made from: key_of WORDS FILE...
key_of() {
  words=$1
  shift
  { printf '%s\n' "$words" "$@"; [ $# = 0 ] || cat -- "$@"; } | cksum | tr ' ' -
}

# Whether FOLDER was published with KEY.
is_current() { [ "$(cat "$1/.idiom-key" 2>/dev/null)" = "$2" ]; }

# Puts a finished folder into its place: publish NEW FINAL KEY. The key comes first, so FINAL is complete or absent.
publish() {
  printf '%s\n' "$3" >"$1/.idiom-key"
  rm -rf "$2.old"
  [ ! -e "$2" ] || mv "$2" "$2.old"
  mv "$1" "$2"
  rm -rf "$2.old"
}

# Whether COMMAND succeeds; a yes is remembered, because asking R or Java takes long: holds WORDS COMMAND...
holds() {
  fact=$1
  shift
  grep -Fqx -- "$fact" "$data/checked" 2>/dev/null && return
  "$@" >/dev/null 2>&1 </dev/null && printf '%s\n' "$fact" >>"$data/checked"
}

# Those of the words that are files; for patterns that may match nothing.
existing() {
  for file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}
