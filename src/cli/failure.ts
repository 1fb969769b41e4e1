// What a command ends with: exit codes, and an error that says what, why and the next command.
import type { ServiceError } from "@grpc/grpc-js";
import { type ErrorCode, IdiomError } from "../core/errors.ts";

export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, auth: 4, invalid: 5, unreachable: 6, timedOut: 7, interrupted: 130 } as const;

export class CliFailure extends Error {
  override name = "CliFailure";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.usage,
  MODEL_NOT_FOUND: EXIT.notFound,
  NODE_NOT_FOUND: EXIT.notFound,
  JOB_NOT_FOUND: EXIT.notFound,
  MODEL_INVALID: EXIT.invalid,
  INVALID_REQUEST: EXIT.invalid,
  INVALID_INPUT: EXIT.invalid,
  DEADLINE_EXCEEDED: EXIT.timedOut,
};
const BY_STATUS: Record<number, number> = { 3: EXIT.invalid, 4: EXIT.timedOut, 5: EXIT.notFound, 7: EXIT.auth, 16: EXIT.auth };

/** Any thrown value as a failure of the command. */
export function toFailure(thrown: unknown): CliFailure {
  if (thrown instanceof CliFailure) return thrown;
  if (thrown instanceof IdiomError) return new CliFailure(thrown.message, BY_CODE[thrown.code] ?? EXIT.failed);
  if (thrown instanceof Error) return new CliFailure(thrown.message, EXIT.failed);
  return new CliFailure(String(thrown), EXIT.failed);
}

/** A gRPC error as a failure; `server` is named when nothing answers there. */
export function fromServiceError(error: ServiceError, server: string): CliFailure {
  const ours = error.metadata?.get("idiom-error").length > 0;
  if (error.code === 14 && !ours)
    return new CliFailure(
      `no Idiom answers at ${server} (${/connect E\w+/.exec(error.details)?.[0] ?? error.details})\nStart one with: npm start   (or name another with --server HOST:PORT)`,
      EXIT.unreachable,
    );
  if (error.code === 12 && !ours) return new CliFailure(`${server} does not know this call: no Idiom, or another release of it`, EXIT.failed);
  return new CliFailure(error.details, BY_STATUS[error.code] ?? EXIT.failed);
}
