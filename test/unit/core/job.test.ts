import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IdiomError } from "../../../src/core/errors.ts";
import { type JobEvent, type JobState, tooManyFailed, transition } from "../../../src/core/job.ts";

const NOW = 1000;
const STATES: readonly JobState[] = [
  { name: "queued", since: 1 },
  { name: "running", since: 1, waitsFor: "" },
  { name: "paused", since: 1 },
  { name: "succeeded", since: 1 },
  { name: "failed", since: 1, reason: "why" },
  { name: "cancelled", since: 1 },
];
const EVENTS: Readonly<Record<JobEvent["type"], JobEvent>> = {
  taken: { type: "taken" },
  waits: { type: "waits", why: "the model loads" },
  pause: { type: "pause" },
  resume: { type: "resume" },
  cancel: { type: "cancel" },
  retry: { type: "retry" },
  finished: { type: "finished" },
  failed: { type: "failed", reason: "disk full" },
};

/** Where each event leads from queued, running, paused, succeeded, failed, cancelled; "-" where it is none. */
const TABLE: Readonly<Record<JobEvent["type"], readonly (JobState["name"] | "-")[]>> = {
  taken: ["running", "running", "-", "-", "-", "-"],
  waits: ["-", "running", "-", "-", "-", "-"],
  pause: ["paused", "paused", "paused", "-", "-", "-"],
  resume: ["queued", "running", "queued", "-", "-", "-"],
  cancel: ["cancelled", "cancelled", "cancelled", "-", "-", "cancelled"],
  retry: ["-", "-", "-", "queued", "queued", "queued"],
  finished: ["-", "succeeded", "-", "-", "-", "-"],
  failed: ["failed", "failed", "failed", "-", "-", "-"],
};

describe("a job", () => {
  for (const [type, targets] of Object.entries(TABLE)) {
    test(`goes where the table says when it is ${type}`, () => {
      const led = STATES.map((state) => {
        try {
          return transition(state, EVENTS[type as JobEvent["type"]], NOW).name;
        } catch (error) {
          assert.ok(error instanceof IdiomError && error.code === "JOB_STATE");
          assert.match(error.message, new RegExp(`^the job is ${state.name}: `));
          return "-";
        }
      });
      assert.deepEqual(led, targets);
    });
  }

  test("that another process takes up has been running since the first took it", () => {
    assert.deepEqual(transition({ name: "running", since: 5, waitsFor: "a model" }, EVENTS.taken, NOW), { name: "running", since: 5, waitsFor: "" });
  });

  test("stays the same object where an event changes nothing", () => {
    const [, running, paused] = STATES as [JobState, JobState, JobState];
    assert.equal(transition(running, EVENTS.resume, NOW), running);
    assert.equal(transition(paused, EVENTS.pause, NOW), paused);
    assert.equal(transition(running, { type: "waits", why: "" }, NOW), running);
  });
});

describe("failed rows", () => {
  test("end no job as long as one row succeeds, where no limit is set", () => {
    assert.equal(tooManyFailed(null, 9, 10), null);
    assert.equal(tooManyFailed(null, 10, 10), "every row failed");
    assert.equal(tooManyFailed(null, 0, 0), null);
  });

  test("may be as many as the number says and no more", () => {
    assert.equal(tooManyFailed({ kind: "count", rows: 3 }, 3, null), null);
    assert.equal(tooManyFailed({ kind: "count", rows: 3 }, 4, null), "4 rows failed, max_failed_rows is 3");
    assert.equal(tooManyFailed({ kind: "count", rows: 0 }, 1, null), "1 rows failed, max_failed_rows is 0");
  });

  test("are held against a share once the number of all rows is known", () => {
    assert.equal(tooManyFailed({ kind: "percent", percent: 5 }, 100, null), null);
    assert.equal(tooManyFailed({ kind: "percent", percent: 5 }, 5, 100), null);
    assert.equal(tooManyFailed({ kind: "percent", percent: 5 }, 6, 100), "6 of 100 rows failed, max_failed_rows is 5%");
  });
});
