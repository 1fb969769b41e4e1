# Redis 7 or Valkey, which idiom up starts for what must outlive it. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

# The package redis-server would start a service of its own; its program is also in redis-tools, under another name.
set_up_redis() {
  ! has_redis_7 || return 0
  if install_debian Redis redis-tools; then
    if is_root; then
      ln -sf "$(command -v redis-check-rdb)" "$tools/bin/redis-server"
    else
      ln -sf redis-check-rdb "$debian/usr/bin/redis-server"
      wrap redis-server "$debian/usr/bin/redis-server"
      wrap redis-cli "$debian/usr/bin/redis-cli"
    fi
  fi
  has_redis_7 || lacks "Redis 7 (redis-server)" redis-server
}

has_redis_7() {
  ! have valkey-server || return 0
  have redis-server || return 1
  case $(redis-server --version) in
    *' v='[0-6].*) return 1 ;;
    *' v='[0-9]*) return 0 ;;
    *) return 1 ;;
  esac
}

# The tests make certificates for Redis with TLS.
set_up_openssl() {
  ! have openssl || return 0
  if install_debian openssl openssl && ! is_root; then wrap openssl "$debian/usr/bin/openssl"; fi
  have openssl || lacks openssl openssl
}
