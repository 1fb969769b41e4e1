// What went wrong, as ERROR, FAILED and the errors of rows say it. PROTOCOL.md, section 6.
import { traceback } from "./traceback.mjs";

const MAX_MESSAGE = 64 * 1024;

/**
 * @typedef {"MODEL_ERROR" | "INVALID_INPUT" | "INVALID_OUTPUT" | "OUT_OF_MEMORY" | "CANCELLED" | "RESULT_TOO_LARGE" | "ENTRY_NOT_FOUND"
 *   | "MISSING_PACKAGE" | "LOAD_FAILED" | "SIGNATURE" | "PROTOCOL"} Kind
 * @typedef {{kind: Kind, type: string | null, message: string, traceback: string[]}} Failure
 */

/** An error that the harness itself found; its kind is known and the author's code is not in its stack. */
export class Fault extends Error {
  /** @param {Kind} kind @param {string} message */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/**
 * @param {unknown} error what was thrown: anything, a hostile object too
 * @param {Kind} kind for what the author's code threw
 * @param {string} folder the model's
 * @returns {Failure}
 */
export function describe(error, kind, folder) {
  if (error instanceof Fault) return { kind: error.kind, type: null, message: error.message, traceback: [] };
  try {
    return {
      kind: isOutOfMemory(error) ? "OUT_OF_MEMORY" : kind,
      type: typeName(error),
      message: messageOf(error).slice(0, MAX_MESSAGE),
      traceback: error instanceof Error ? traceback(error, folder) : [],
    };
  } catch {
    return { kind, type: null, message: "the model threw a value that cannot be read", traceback: [] };
  }
}

/** Node aborts when its heap is full; memory outside of the heap is refused with an error. @param {unknown} error */
function isOutOfMemory(error) {
  return error instanceof RangeError && /allocation failed|could not allocate memory/i.test(error.message);
}

/** @param {unknown} error @returns {string | null} */
function typeName(error) {
  if (typeof error !== "object" || error === null) return null;
  const className = error.constructor?.name;
  // Without a class of their own, authors name an error by its `name`.
  if (error instanceof Error && (className === "Error" || !className)) return String(error.name);
  return className ? String(className) : null;
}

/** @param {unknown} error @returns {string} */
function messageOf(error) {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}
