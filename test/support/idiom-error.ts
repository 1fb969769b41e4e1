// What assert.throws and assert.rejects hold an error of ours against.
import type { ErrorCode } from "../../src/core/errors.ts";

/** An IdiomError of this code whose message is `message`, or matches it. */
export function idiomError(code: ErrorCode, message: string | RegExp): { name: string; code: ErrorCode; message: string | RegExp } {
  return { name: "IdiomError", code, message };
}
