// How the commands that serve say where.
import type { Config } from "../config/config.ts";

/** `https://host:port` with a certificate, else `http://host:port`. */
export function httpAddress({ host, tls }: Pick<Config, "host" | "tls">, port: number): string {
  return `http${tls.certFile === null ? "" : "s"}://${host}:${port}`;
}
