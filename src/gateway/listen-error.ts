// Why a front door cannot open, in words that say what to do.
import { IdiomError } from "../core/errors.ts";

/** `cause` is what the network library said; `variable` moves this door elsewhere. */
export function listenError(door: string, host: string, port: number, variable: string, cause: string): IdiomError {
  const why = cause.includes("EADDRINUSE")
    ? "the port is taken by another program, perhaps by another Idiom; stop that one"
    : cause.includes("EACCES")
      ? "this user may not open ports below 1024"
      : cause.includes("EADDRNOTAVAIL")
        ? "this machine has no such address; mend IDIOM_HOST"
        : cause;
  return new IdiomError("CANNOT_LISTEN", `cannot listen on ${host}:${port} (${door}): ${why}, or set ${variable} to use another`);
}
