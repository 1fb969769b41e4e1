// Whether a Redis on another machine is locked as our own door is: who can write to it can answer calls.
import { IdiomError } from "../core/errors.ts";
import { isLoopback } from "../core/loopback.ts";
import type { RedisServer } from "./connection.ts";
import { parseRedisUrl, shownUrl } from "./redis-url.ts";

/** @throws IdiomError CONFIG_INVALID where whoever reaches it, or is on the way to it, could read and answer calls. */
export function checkLocked({ url, tls: { certFile } }: RedisServer, insecure: boolean): void {
  const { hosts, password, tls } = parseRedisUrl(url);
  if (hosts.every(({ host }) => isLoopback(host))) return;
  const shown = shownUrl(url);
  if (password === "" && !(tls && certFile !== null))
    throw new IdiomError(
      "CONFIG_INVALID",
      `${shown} is on another machine and would be used without a password: whoever reaches it could answer calls.
Give it one (requirepass, or a user by ACL SETUSER) and write it into the URL, as in rediss://:PASSWORD@host:6379;
or name our own certificate with IDIOM_REDIS_CERT and IDIOM_REDIS_KEY, where it asks for one.`,
    );
  if (!tls && !insecure)
    throw new IdiomError(
      "CONFIG_INVALID",
      `${shown} is on another machine and would be spoken to in plain text: whoever is on the way could read calls and the password.
Write rediss instead of redis, where it has a certificate;
or set IDIOM_REDIS_INSECURE=true, where the network is trusted.`,
    );
}
