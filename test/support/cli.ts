// The command `idiom` as a person runs it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { CLI, cleanEnvironment } from "./server.ts";

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
}

export function runCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand(process.execPath, [CLI, ...args], { ...options, env: cleanEnvironment(options.env) });
}

/** Runs a program to its end. */
export async function runCommand(
  program: string,
  args: readonly string[],
  { env, stdin = "" }: CommandOptions & { readonly cwd?: string } = {},
): Promise<CommandResult> {
  const child = spawn(program, args, { env, stdio: "pipe" });
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close") as Promise<[number | null]>]);
  return { code, stdout, stderr };
}
