// The door: whether the ports are encrypted, and who gets in. On loopback it is open; to others it is locked, or the process does not start.
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import { isLoopback } from "../core/loopback.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { type Caller, KeyRing } from "./key-ring.ts";
import { TlsFiles } from "./tls-files.ts";

/** Asks for API keys. */
export class Lock {
  readonly #keys: KeyRing;
  readonly failures: FailedAttempts;

  constructor(keys: KeyRing, failures: FailedAttempts) {
    this.#keys = keys;
    this.failures = failures;
  }

  /** Who sends this `authorization`. @throws IdiomError UNAUTHENTICATED */
  identify(authorization: string | undefined): Caller {
    if (authorization === undefined)
      throw new IdiomError("UNAUTHENTICATED", "an API key is needed: send it as metadata `authorization: Bearer KEY` (the command idiom: IDIOM_API_KEY)");
    const [, key] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    if (key === undefined) throw new IdiomError("UNAUTHENTICATED", "authorization is not understood; write `Bearer KEY`");
    return this.#keys.find(key);
  }
}

export interface Door {
  /** Null: in plain text. */
  readonly tls: TlsFiles | null;
  /** Null: whoever reaches the port may do everything. */
  readonly lock: Lock | null;
  close(): void;
}

/** The door as the configuration wants it. @throws IdiomError CONFIG_INVALID when it would stand open to others, or a file is wrong. */
export function openDoor(config: Config, log: Logger): Door {
  const { host, tls, insecure, state, apiKeys } = config;
  const loopback = isLoopback(host);
  if (!loopback && tls.certFile === null && !insecure)
    throw new IdiomError(
      "CONFIG_INVALID",
      `IDIOM_HOST=${host} would open Idiom to other machines in plain text: whoever is on the way could read calls and keys.
Name a certificate with IDIOM_TLS_CERT and IDIOM_TLS_KEY;
or set IDIOM_INSECURE=true (--insecure), where something in front of it encrypts or the network is trusted;
or keep IDIOM_HOST=127.0.0.1, which is this machine alone.`,
    );
  const files = tls.certFile === null || tls.keyFile === null ? null : new TlsFiles({ ...tls, certFile: tls.certFile, keyFile: tls.keyFile }, log);
  const keyFile = apiKeys ?? join(state, "api-keys.json");
  const keys = loopback && apiKeys === null ? null : new KeyRing(keyFile, log);
  if (keys?.size === 0) {
    keys.close();
    files?.close();
    throw new IdiomError(
      "CONFIG_INVALID",
      `${loopback ? "IDIOM_API_KEYS asks for API keys" : `IDIOM_HOST=${host} would open Idiom to other machines`}, and ${keyFile} holds none.
Make one with: idiom token create --name NAME --role admin --file ${keyFile}
or ${loopback ? "unset IDIOM_API_KEYS" : "keep IDIOM_HOST=127.0.0.1"}, which lets in whoever is on this machine.`,
    );
  }
  return {
    tls: files,
    lock: keys === null ? null : new Lock(keys, new FailedAttempts(log)),
    close() {
      files?.close();
      keys?.close();
    },
  };
}
