// Options that several commands share.
import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../core/units.ts";
import type { Format } from "./output.ts";

export interface GlobalOptions {
  /** `host:port` of the gRPC front door. */
  readonly server: string;
  readonly output: Format;
}

/** Where a server is without any setting. */
export const DEFAULT_SERVER = "127.0.0.1:8001";

export function serverOption(): Option {
  const port = process.env["IDIOM_GRPC_PORT"] ?? "8001";
  return new Option("--server <host:port>", "gRPC address of the server").env("IDIOM_SERVER").default(`127.0.0.1:${port}`);
}

/** For the commands that open a port. */
export function insecureOption(): Option {
  return new Option("--insecure", "answer other machines without TLS (IDIOM_INSECURE)");
}

export function formatOption(formats: readonly Format[]): Option {
  return new Option("-o, --output <format>", "how to print").choices([...formats]).default(formats[0]);
}

/** `--timeout`, in ms; `standard` is written as "2m". */
export function timeoutOption(description: string, standard: string): Option {
  return new Option("--timeout <duration>", description).argParser(parseTimeout).default(parseTimeout(standard), standard);
}

function parseTimeout(text: string): number {
  const timeoutMs = parseDuration(text);
  if (timeoutMs === null || timeoutMs === 0) throw new InvalidArgumentError('Write it like "30s" or "2m".');
  return timeoutMs;
}

export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value === 0) throw new InvalidArgumentError("It is a whole number, 1 or more.");
  return value;
}

export function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It is a whole number, 0 or more.");
  return Number(text);
}
