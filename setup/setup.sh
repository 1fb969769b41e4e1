#!/bin/sh
# Installs what is missing, then runs a command: sh setup/setup.sh [--tests | --only LANGUAGE] [-- COMMAND...]
# It needs nothing but sh, Node.js and npm. What is there already is left alone; a second run finds nothing to do.
set -u
umask 022 # the uids that run models read what is installed here

usage='usage: sh setup/setup.sh [--tests | --only LANGUAGE] [-- COMMAND...]
  --tests    also install what only the tests need
  --only     install what models in this language (python, r, java, node) need, not Idiom itself; fail if it cannot be had
  COMMAND    is run afterwards, with the installed tools on its PATH
IDIOM_DATA is the folder that everything is put into (default: .idiom in the repository).'

with_tests=no
only=
while [ $# -gt 0 ]; do
  case $1 in
    --tests) with_tests=yes ;;
    --only)
      case ${2:-} in python | r | java | node) ;; *) printf '%s\n' "$usage" >&2; exit 2 ;; esac
      only=$2
      shift
      ;;
    -h | --help) printf '%s\n' "$usage"; exit 0 ;;
    --) shift; break ;;
    *) printf '%s\n' "$usage" >&2; exit 2 ;;
  esac
  shift
done

cd "$(dirname "$0")/.." || exit 1
repository=$(pwd -P) # as Node names it: the JVM takes an archive of classes only for a jar of the same name
. setup/common.sh
. setup/debian.sh
. setup/node.sh
. setup/python.sh
. setup/r.sh
. setup/java.sh
. setup/sandbox.sh
. setup/redis.sh

require_node
only_one_at_a_time
set_up_certificates
[ -n "$only" ] || set_up_idiom
[ -n "$only" ] || set_up_sandbox
[ "$with_tests" = no ] || set_up_compiler
! wants node || set_up_node_models
! wants python || set_up_python
! wants r || set_up_r
! wants java || set_up_java
[ -n "$only" ] || set_up_redis
[ "$with_tests" = no ] || set_up_openssl
finish

if [ $# -gt 0 ]; then
  PATH=$repository/node_modules/.bin:$PATH
  export PATH
  exec "$@" 9>&-
fi
