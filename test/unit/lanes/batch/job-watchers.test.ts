// Who watches a job hears of changes at a distance, and of its end before that.
import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";
import { JobWatchers } from "../../../../src/lanes/batch/job-watchers.ts";

const JOB = "job";

/** A watcher, and whether it has been told yet. */
function watching(t: TestContext, signal = new AbortController().signal): { readonly watchers: JobWatchers; readonly told: () => Promise<boolean> } {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const watchers = new JobWatchers();
  let isTold = false;
  void watchers.nextChange(JOB, signal).then(() => {
    isTold = true;
  });
  return { watchers, told: () => Promise.resolve().then(() => isTold) };
}

test("a change is told of after the distance of two messages", async (t) => {
  const { watchers, told } = watching(t);
  watchers.changed(JOB, false);
  mock.timers.tick(100);
  assert.equal(await told(), false);
  mock.timers.tick(150);
  assert.equal(await told(), true);
});

test("the end is told of at once", async (t) => {
  const { watchers, told } = watching(t);
  watchers.changed(JOB, false);
  watchers.changed(JOB, true);
  mock.timers.tick(1);
  assert.equal(await told(), true);
});

test("another job's changes are not", async (t) => {
  const { watchers, told } = watching(t);
  watchers.changed("another", true);
  mock.timers.tick(500);
  assert.equal(await told(), false);
});

test("what nobody told of is looked for after a second, and nothing once the watcher has gone", async (t) => {
  const { told } = watching(t);
  mock.timers.tick(1000);
  assert.equal(await told(), true);
  mock.timers.reset();
  const leaving = new AbortController();
  const gone = watching(t, leaving.signal);
  leaving.abort();
  assert.equal(await gone.told(), true);
});
