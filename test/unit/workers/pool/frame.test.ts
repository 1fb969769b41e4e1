import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { IdiomError } from "../../../../src/core/errors.ts";
import { Invocation, type Outcome } from "../../../../src/core/invocation.ts";
import type { Tensor } from "../../../../src/core/tensor.ts";
import type { FrameOutcome } from "../../../../workers/instance/harness.ts";
import type { Instance } from "../../../../workers/instance/instance.ts";
import { runFrame } from "../../../../workers/pool/frame.ts";
import { Quarantine } from "../../../../workers/pool/quarantine.ts";
import { int32 } from "../../../support/bytes.ts";
import { invocation } from "../../../support/invocations.ts";
import { batching, modelVersion, tensor } from "../../../support/specs.ts";

const SILENT = pino({ level: "silent" });
const FAILURE = { kind: "MODEL_ERROR", type: "ValueError", message: "age is negative", traceback: ["model.py:12 in predict"] };
const DIED: FrameOutcome = { kind: "died", reason: "the process exited with status 3", blame: "model", code: "INSTANCE_DIED" };
const KILLED: FrameOutcome = { kind: "died", reason: "the process was ended by SIGKILL", blame: "unknown", code: "INSTANCE_DIED" };
const MERGED = modelVersion(batching(8));

/** A frame that runs, and everything that comes of it, in order. */
class Running {
  readonly events: string[] = [];
  readonly again: Invocation[] = [];
  onTrial = false;
  #end!: (outcome: FrameOutcome) => void;
  #timeOut!: () => void;

  constructor(invocations: readonly Invocation[], quarantine = new Quarantine()) {
    const instance = {
      run: (_segments: unknown, onTrial: boolean, timedOut: () => void, done: (outcome: FrameOutcome) => void) => {
        this.onTrial = onTrial;
        this.#end = done;
        this.#timeOut = timedOut;
      },
      cancel: (reason: string) => this.events.push(`cancel ${reason}`),
    };
    runFrame(instance as unknown as Instance, invocations, {
      metrics: { frameStarted: () => {}, frameEnded: () => {}, instanceState: () => {} },
      quarantine,
      log: SILENT,
      again: (unanswered) => {
        this.again.push(...unanswered);
        this.events.push(`again ${unanswered.length}`);
      },
      done: () => this.events.push("done"),
    });
  }

  end(outcome: FrameOutcome): void {
    this.#end(outcome);
  }

  timeOut(): void {
    this.#timeOut();
  }
}

/** Calls of one row each, and the outcomes of each. */
function calls(count: number, version = MERGED): { invocations: Invocation[]; outcomes: Outcome[][] } {
  const outcomes = Array.from({ length: count }, (): Outcome[] => []);
  return { invocations: outcomes.map((own) => invocation({ version }, own)), outcomes };
}

function result(rows: number[], outputs: Tensor[], errors: object[] = []): FrameOutcome {
  return { kind: "result", result: { rows, outputs, errors: errors as [] } };
}

/** What the caller of the only outcome got: the data of its outputs, or the error. */
function answerOf(outcomes: readonly Outcome[] | undefined): unknown {
  assert.equal(outcomes?.length, 1);
  const [outcome] = outcomes;
  return outcome?.ok === true ? outcome.outputs.map(({ data }) => Buffer.from(data)) : outcome?.error;
}

/** Runs the call in a frame that ends so, over and over, until it is not put back; the number of frames. */
function framesUntilSettled(call: Invocation, outcome: FrameOutcome): number {
  const quarantine = new Quarantine();
  for (let frames = 1; frames < 10; frames++) {
    const running = new Running([call], quarantine);
    running.end(outcome);
    if (running.again.length === 0) return frames;
  }
  return Number.POSITIVE_INFINITY;
}

/** The sizes of the pieces that a frame was cut into, in order; 0 for one that runs alone. */
function piecesOf(again: readonly Invocation[]): number[] {
  return again.map(({ alone, company }) => (alone ? 0 : (company?.length ?? Number.NaN)));
}

describe("a frame that is answered", () => {
  test("gives each request its own rows", () => {
    const { invocations, outcomes } = calls(2);
    new Running(invocations).end(result([1, 1], [tensor("INT32", [2], int32(7, 8))]));
    assert.deepEqual(outcomes.map(answerOf), [[int32(7)], [int32(8)]]);
  });

  test("frees its slot before the answers are written", () => {
    const running: { events: string[]; end(outcome: FrameOutcome): void } = new Running([
      new Invocation({ ...invocation().request, version: MERGED }, () => running.events.push("answered")),
    ]);
    running.end(result([1], [tensor("INT32", [1], int32(7))]));
    assert.deepEqual(running.events, ["done", "answered"]);
  });

  test("gives a request whose row failed its own error, and the others their answers", () => {
    const { invocations, outcomes } = calls(2);
    new Running(invocations).end(result([1, 0], [tensor("INT32", [1], int32(7))], [{ segment: 1, row: 0, ...FAILURE }]));
    const error = new IdiomError("MODEL_ERROR", "model 'm' version '1' raised: ValueError: age is negative\n  model.py:12 in predict");
    assert.deepEqual(outcomes.map(answerOf), [[int32(7)], error]);
  });

  test("names the row that failed where a request has several", () => {
    const outcomes: Outcome[] = [];
    const call = invocation({ version: MERGED, rows: 3 }, outcomes);
    new Running([call]).end(result([0], [tensor("INT32", [0], int32())], [{ segment: 0, row: 2, ...FAILURE, traceback: [] }]));
    assert.deepEqual(answerOf(outcomes), new IdiomError("MODEL_ERROR", "model 'm' version '1' raised in row 2: ValueError: age is negative"));
  });
});

describe("a frame that failed", () => {
  const failed = (kind: string): FrameOutcome => ({ kind: "failed", failure: { ...FAILURE, kind, traceback: [] } });

  test("is the error of its only request", () => {
    const { invocations, outcomes } = calls(1);
    new Running(invocations).end({ kind: "failed", failure: FAILURE });
    const error = new IdiomError("MODEL_ERROR", "model 'm' version '1' raised: ValueError: age is negative\n  model.py:12 in predict");
    assert.deepEqual(outcomes.map(answerOf), [error]);
  });

  test("of several requests runs each of them again, alone, in their order", () => {
    const { invocations, outcomes } = calls(3);
    const running = new Running(invocations);
    running.end(failed("MODEL_ERROR"));
    assert.deepEqual(running.again, invocations);
    assert.deepEqual(
      invocations.map(({ alone }) => alone),
      [true, true, true],
    );
    assert.deepEqual(outcomes, [[], [], []]);
  });

  test("does not run those again whose callers are gone", () => {
    const { invocations } = calls(2);
    const running = new Running(invocations);
    invocations[0]?.abandon();
    running.end(failed("MODEL_ERROR"));
    assert.deepEqual(running.again, [invocations[1]]);
  });

  for (const kind of ["INVALID_INPUT", "INVALID_OUTPUT", "OUT_OF_MEMORY", "CANCELLED", "RESULT_TOO_LARGE"] as const) {
    test(`as ${kind} is that to its caller`, () => {
      const { invocations, outcomes } = calls(1);
      new Running(invocations).end(failed(kind));
      assert.deepEqual(outcomes.map(answerOf), [new IdiomError(kind, "model 'm' version '1': ValueError: age is negative")]);
    });
  }

  test("as what no caller may hear from a harness is INTERNAL", () => {
    for (const kind of ["PROTOCOL", "QUEUE_FULL", "constructor"]) {
      const { invocations, outcomes } = calls(1);
      new Running(invocations).end(failed(kind));
      assert.deepEqual(outcomes.map(answerOf), [new IdiomError("INTERNAL", "model 'm' version '1': ValueError: age is negative")]);
    }
  });
});

describe("a process that dies under its frame", () => {
  test("by a signal from elsewhere gives every request another try, together", () => {
    const { invocations } = calls(2);
    const running = new Running(invocations);
    running.end(KILLED);
    assert.deepEqual(
      [running.again, invocations.map(({ alone, company }) => [alone, company])],
      [
        invocations,
        [
          [false, null],
          [false, null],
        ],
      ],
    );
  });

  test("is searched in pieces of the square root's size", () => {
    const { invocations } = calls(10);
    const running = new Running(invocations);
    running.end(DIED);
    assert.deepEqual(running.again, invocations);
    assert.deepEqual(piecesOf(running.again), [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]);
    assert.equal(invocations[3]?.company, invocations[0]?.company);
    assert.notEqual(invocations[4]?.company, invocations[0]?.company);
  });

  test("a second time by a signal from elsewhere is searched, too", () => {
    const { invocations } = calls(4);
    new Running(invocations).end(KILLED);
    const second = new Running(invocations);
    second.end(KILLED);
    assert.deepEqual(piecesOf(second.again), [2, 2, 2, 2]);
  });

  test("with a piece leaves each of it alone", () => {
    const { invocations } = calls(4);
    new Running(invocations).end(DIED);
    const piece = new Running(invocations.slice(0, 2));
    piece.end(DIED);
    assert.deepEqual(piecesOf(piece.again), [0, 0]);
  });

  test("puts those on trial that were there before", () => {
    const { invocations } = calls(4);
    const first = new Running(invocations);
    first.end(DIED);
    const second = new Running(invocations.slice(0, 2));
    assert.deepEqual([first.onTrial, second.onTrial], [false, true]);
  });

  test("a second time with the same request alone is the end of it, and of the same request sent again", () => {
    const quarantine = new Quarantine();
    const { invocations, outcomes } = calls(1);
    const [call] = invocations as [Invocation];
    for (let i = 0; i < 2; i++) new Running([call], quarantine).end(DIED);
    assert.deepEqual(
      answerOf(outcomes[0]),
      new IdiomError(
        "POISONOUS_REQUEST",
        "this request has ended the process of model 'm' version '1' twice while it ran alone, and is refused for 600 s: the process exited with status 3",
      ),
    );
    assert.notEqual(quarantine.verdict(call.request, Date.now()), null);
  });

  test("does not count against a request that is answered the next time", () => {
    const quarantine = new Quarantine();
    const { invocations, outcomes } = calls(1);
    new Running(invocations, quarantine).end(DIED);
    new Running(invocations, quarantine).end(result([1], [tensor("INT32", [1], int32(7))]));
    new Running(calls(1).invocations, quarantine).end(DIED);
    assert.deepEqual(outcomes.map(answerOf), [[int32(7)]]);
    assert.equal(quarantine.verdict((invocations[0] as Invocation).request, Date.now()), null);
  });

  test("has a bounded number of tries", () => {
    const { invocations } = calls(1);
    assert.deepEqual([framesUntilSettled(invocations[0] as Invocation, DIED), framesUntilSettled(calls(1).invocations[0] as Invocation, KILLED)], [2, 3]);
    const forgetful = calls(1);
    let frames = 0;
    for (let running = new Running(forgetful.invocations); ; running = new Running(running.again)) {
      frames++;
      running.end(DIED);
      if (running.again.length === 0) break;
    }
    assert.equal(frames, 5);
    assert.match(String(answerOf(forgetful.outcomes[0])), /\(attempt 5\): the process exited with status 3$/);
  });

  test("gives a request that must not run twice no other try, and says why", () => {
    const { invocations, outcomes } = calls(1, modelVersion({ idempotent: false }));
    const running = new Running(invocations);
    running.end(DIED);
    assert.deepEqual(running.again, []);
    assert.deepEqual(outcomes.map(answerOf), [
      new IdiomError(
        "INSTANCE_DIED",
        "the instance of model 'm' version '1' died while it ran this request: the process exited with status 3; it was not run again because the model says idempotent: false",
      ),
    ]);
  });

  test("gives those no other try whose callers are gone", () => {
    const { invocations } = calls(2);
    const running = new Running(invocations);
    invocations[1]?.abandon();
    running.end(DIED);
    assert.deepEqual(running.again, [invocations[0]]);
  });

  test("puts back what it did not answer before the slot is free", () => {
    const { invocations } = calls(1);
    const running = new Running(invocations);
    running.end(DIED);
    assert.deepEqual(running.events, ["again 1", "done"]);
  });
});

describe("callers that give up", () => {
  test("stop the model only when all of them have", () => {
    const { invocations } = calls(2);
    const running = new Running(invocations);
    invocations[0]?.abandon();
    const afterOne = [...running.events];
    invocations[1]?.abandon();
    assert.deepEqual([afterOne, running.events], [[], ["cancel cancelled"]]);
  });

  test("before the frame began are not waited for", () => {
    const { invocations } = calls(2);
    invocations[0]?.abandon();
    const running = new Running(invocations);
    invocations[1]?.abandon();
    assert.deepEqual(running.events, ["cancel cancelled"]);
  });

  test("after the frame ended stop nothing", () => {
    const { invocations } = calls(1);
    const running = new Running(invocations);
    running.end(DIED);
    invocations[0]?.abandon();
    assert.deepEqual(running.events, ["again 1", "done"]);
  });
});

test("a frame that runs longer than the model's limit is DEADLINE_EXCEEDED to all its callers, once", () => {
  const { invocations, outcomes } = calls(2);
  const running = new Running(invocations);
  running.timeOut();
  running.end(DIED);
  const error = new IdiomError("DEADLINE_EXCEEDED", "the model ran longer than limits.timeout (30000 ms)");
  assert.deepEqual([outcomes.map(answerOf), running.again], [[error, error], []]);
});
