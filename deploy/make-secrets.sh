#!/bin/sh
# Makes the secrets that docker-compose.yml names: sh deploy/make-secrets.sh [FOLDER]. What is there already stays.
set -eu
folder=${1:-$(dirname "$0")/secrets}
if [ -e "$folder/redis.conf" ]; then
  echo "$folder has its secrets; remove it to make new ones" >&2
  exit 0
fi
# The folder keeps others out; the files must be readable to the users of the containers, which see them without the folder.
mkdir -p "$folder"
chmod 700 "$folder"
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
umask 022
printf 'requirepass %s\n' "$password" >"$folder/redis.conf"
printf 'redis://:%s@redis:6379\n' "$password" >"$folder/redis-url"
printf 'redis://:%s@redis-realtime:6379\n' "$password" >"$folder/realtime-redis-url"
