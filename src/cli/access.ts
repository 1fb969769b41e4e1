// How a command gets into the server: its API key and TLS. A command calls one server, so this is set once, before it runs.
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { CliFailure, EXIT } from "./failure.ts";

interface AccessOptions {
  readonly apiKey?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export interface Access {
  readonly apiKey: string | null;
  /** Null: in plain text. */
  readonly tls: {
    /** Null: the well-known authorities. */
    readonly ca: Buffer | null;
    /** Our own certificate, for servers that ask for one. */
    readonly cert: Buffer | null;
    readonly key: Buffer | null;
  } | null;
}

let current: Access = { apiKey: null, tls: null };

export function access(): Access {
  return current;
}

/** Options of every command, wherever they stand on the line. */
export function addAccessOptions(program: Command): void {
  program
    .addOption(new Option("--api-key <key>", "API key for the server; the variable hides it from the list of processes").env("IDIOM_API_KEY"))
    .addOption(new Option("--tls", "call the server with TLS").env("IDIOM_TLS"))
    .addOption(new Option("--tls-ca <file>", "TLS, with this authority instead of the well-known ones").env("IDIOM_TLS_CA"))
    .addOption(new Option("--tls-cert <file>", "our certificate, where the server asks for one").env("IDIOM_TLS_CLIENT_CERT"))
    .addOption(new Option("--tls-key <file>", "its key").env("IDIOM_TLS_CLIENT_KEY"))
    .hook("preAction", () => {
      current = accessFrom(program.opts());
    });
}

function accessFrom({ apiKey, tls = false, tlsCa, tlsCert, tlsKey }: AccessOptions): Access {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new CliFailure("--tls-cert and --tls-key belong together", EXIT.usage);
  const encrypted = tls || tlsCa !== undefined || tlsCert !== undefined;
  return { apiKey: apiKey ?? null, tls: encrypted ? { ca: read(tlsCa), cert: read(tlsCert), key: read(tlsKey) } : null };
}

function read(file: string | undefined): Buffer | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliFailure(`TLS: ${(error as Error).message}`, EXIT.usage);
  }
}
