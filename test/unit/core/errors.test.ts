import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERRORS, type ErrorCode, IdiomError } from "../../../src/core/errors.ts";

/** The HTTP statuses that may stand beside a gRPC status. */
const HTTP_OF_GRPC: Record<number, readonly number[]> = {
  1: [499],
  3: [400],
  4: [504],
  5: [404],
  7: [403],
  8: [429, 500],
  9: [409, 500],
  12: [501],
  13: [500],
  14: [503],
  16: [401],
};

const UNAVAILABLE = 14;

for (const code of Object.keys(ERRORS) as ErrorCode[]) {
  describe(code, () => {
    test("has the same status at both front doors", () => {
      assert.ok(HTTP_OF_GRPC[ERRORS[code].grpc]?.includes(ERRORS[code].http), `gRPC ${ERRORS[code].grpc} beside HTTP ${ERRORS[code].http}`);
    });

    test("is retryable exactly if it is UNAVAILABLE, which clients retry by themselves", () => {
      assert.equal(ERRORS[code].retryable, ERRORS[code].grpc === UNAVAILABLE);
    });
  });
}

describe("at a boundary", () => {
  test("an error of ours stays itself", () => {
    const error = new IdiomError("QUEUE_FULL", "full");
    assert.equal(IdiomError.from(error), error);
  });

  test("any other error becomes INTERNAL and keeps its message and cause", () => {
    const thrown = new RangeError("out of range");
    const error = IdiomError.from(thrown);
    assert.deepEqual([error.code, error.message, error.cause], ["INTERNAL", "out of range", thrown]);
  });

  test("what is no error becomes its text", () => {
    assert.equal(IdiomError.from("plain words").message, "plain words");
    assert.equal(IdiomError.from(undefined).message, "undefined");
  });
});
