import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERRORS, type ErrorCode, IdiomError } from "../../../src/core/errors.ts";
import { toServiceError } from "../../../src/gateway/status.ts";

for (const code of Object.keys(ERRORS) as ErrorCode[]) {
  describe(`${code} reaches a gRPC client`, () => {
    const error = toServiceError(new IdiomError(code, "what went wrong"));

    test("with its status, its message and its own name", () => {
      assert.deepEqual(
        { code: error.code, details: error.details, name: error.metadata?.get("idiom-error") },
        { code: ERRORS[code].grpc, details: "what went wrong", name: [code] },
      );
    });

    test(ERRORS[code].retryable ? "with the time after which to try again" : "without an invitation to try again", () => {
      assert.deepEqual(error.metadata?.get("grpc-retry-pushback-ms"), ERRORS[code].retryable ? ["100"] : []);
    });
  });
}

test("what is not ours reaches a gRPC client as INTERNAL", () => {
  const error = toServiceError(new TypeError("x is undefined"));
  assert.deepEqual([error.code, error.details], [13, "x is undefined"]);
});
