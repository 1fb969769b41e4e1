import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { CliFailure, EXIT, fromServiceError, toFailure } from "../../../src/cli/failure.ts";
import { ERRORS, type ErrorCode, IdiomError } from "../../../src/core/errors.ts";
import { toServiceError } from "../../../src/gateway/status.ts";

const SERVER = "127.0.0.1:8001";

function serviceError(code: number, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}

/** The error of a server of ours, as a client gets it. */
function answered(code: ErrorCode): ServiceError {
  const { metadata } = toServiceError(new IdiomError(code, "what went wrong"));
  return serviceError(ERRORS[code].grpc, "what went wrong", metadata);
}

describe("the exit code of a command tells", () => {
  const CODES: Partial<Record<ErrorCode, number>> = {
    MODEL_NOT_FOUND: EXIT.notFound,
    INVALID_REQUEST: EXIT.invalid,
    INVALID_INPUT: EXIT.invalid,
    DEADLINE_EXCEEDED: EXIT.timedOut,
    MODEL_ERROR: EXIT.failed,
    QUEUE_FULL: EXIT.failed,
  };

  for (const [code, exitCode] of Object.entries(CODES) as [ErrorCode, number][]) {
    test(`${code}, from this process and from a server alike`, () => {
      assert.equal(toFailure(new IdiomError(code, "no")).exitCode, exitCode);
      assert.equal(fromServiceError(answered(code), SERVER).exitCode, exitCode);
    });
  }

  test("settings that are wrong", () => {
    assert.equal(toFailure(new IdiomError("CONFIG_INVALID", "no")).exitCode, EXIT.usage);
  });

  test("a model that cannot be used as it is", () => {
    assert.equal(toFailure(new IdiomError("MODEL_INVALID", "no")).exitCode, EXIT.invalid);
  });

  test("a server that asks for credentials", () => {
    for (const code of [7, 16]) assert.equal(fromServiceError(serviceError(code, "no"), SERVER).exitCode, EXIT.auth);
  });

  test("a server that is not there, and how to start one", () => {
    const failure = fromServiceError(serviceError(14, "No connection established. Last error: connect ECONNREFUSED 127.0.0.1:8001"), SERVER);
    assert.deepEqual(
      [failure.exitCode, failure.message],
      [EXIT.unreachable, `no Idiom answers at ${SERVER} (connect ECONNREFUSED)\nStart one with: npm start   (or name another with --server HOST:PORT)`],
    );
  });

  test("a server that is there and says itself that it is not ready", () => {
    const failure = fromServiceError(answered("MODEL_NOT_READY"), SERVER);
    assert.deepEqual([failure.exitCode, failure.message], [EXIT.failed, "what went wrong"]);
  });
});

describe("whatever is thrown", () => {
  test("stays itself where it is a failure already", () => {
    const failure = new CliFailure("usage", EXIT.usage);
    assert.equal(toFailure(failure), failure);
  });

  test("is a failure with its message", () => {
    assert.deepEqual([toFailure(new RangeError("too far")).message, toFailure("words").message], ["too far", "words"]);
  });
});

test("the exit codes differ from one another", () => {
  assert.equal(new Set(Object.values(EXIT)).size, Object.keys(EXIT).length);
});
