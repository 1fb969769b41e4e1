// Options that several commands share.
import { Option } from "commander";
import type { Format } from "./output.ts";

export interface GlobalOptions {
  /** `host:port` of the gRPC front door. */
  readonly server: string;
  readonly output: Format;
}

export function serverOption(): Option {
  const port = process.env["IDIOM_GRPC_PORT"] ?? "8001";
  return new Option("--server <host:port>", "gRPC address of the server").env("IDIOM_SERVER").default(`127.0.0.1:${port}`);
}

export function formatOption(formats: readonly Format[]): Option {
  return new Option("-o, --output <format>", "how to print").choices([...formats]).default(formats[0]);
}
