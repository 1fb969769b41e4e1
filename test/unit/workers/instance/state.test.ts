import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { INITIAL, type InstanceEvent, type InstanceState, type Supervision, type SupervisionPolicy, transition } from "../../../../workers/instance/state.ts";

const POLICY: SupervisionPolicy = { backoffMinMs: 100, backoffMaxMs: 1000, breakerCrashes: 5, breakerWindowMs: 60_000, quarantineMs: 30_000 };

const STATES = {
  starting: { name: "starting" },
  loading: { name: "loading" },
  ready: { name: "ready" },
  draining: { name: "draining" },
  backoff: { name: "backoff", delayMs: 100, reason: "it crashed" },
  quarantined: { name: "quarantined", delayMs: 30_000, reason: "it crashes" },
  failed: { name: "failed", reason: "no such file" },
  stopped: { name: "stopped" },
} as const satisfies Record<InstanceState["name"], InstanceState>;

const EVENTS = {
  hello: { name: "hello" },
  ready: { name: "ready" },
  answered: { name: "answered" },
  "load-failed": { name: "load-failed", reason: "bad weights" },
  exited: { name: "exited", reason: "status 3", blame: "model" },
  rested: { name: "rested" },
  drain: { name: "drain" },
} as const satisfies Record<InstanceEvent["name"], InstanceEvent>;

/** Where each event leads from each state; what is not here changes nothing. */
const LEADS_TO: Record<InstanceState["name"], Partial<Record<InstanceEvent["name"], InstanceState["name"]>>> = {
  starting: { hello: "loading", "load-failed": "failed", exited: "backoff", drain: "draining" },
  loading: { ready: "ready", "load-failed": "failed", exited: "backoff", drain: "draining" },
  ready: { exited: "backoff", drain: "draining" },
  draining: { exited: "stopped" },
  backoff: { rested: "starting", drain: "stopped" },
  quarantined: { rested: "starting", drain: "stopped" },
  failed: {},
  stopped: {},
};

function step(from: Supervision, event: InstanceEvent, now = 0, random = 0): Supervision {
  return transition(from, event, POLICY, now, random);
}

function steps(...events: InstanceEvent[]): Supervision {
  return events.reduce((from, event) => step(from, event), INITIAL);
}

/** A crash in each of the following generations, `everyMs` apart; null delays are states other than backoff. */
function crashes(count: number, everyMs: number, from: Supervision = INITIAL, random = 0): Supervision[] {
  const after: Supervision[] = [];
  let current = from;
  for (let i = 0; i < count; i++) {
    current = step(current, EVENTS.exited, i * everyMs, random);
    after.push(current);
    current = step(current, EVENTS.rested, i * everyMs);
  }
  return after;
}

const delaysOf = (supervisions: readonly Supervision[]): (number | null)[] =>
  supervisions.map(({ state }) => (state.name === "backoff" ? state.delayMs : null));
const namesOf = (supervisions: readonly Supervision[]): string[] => supervisions.map(({ state }) => state.name);

for (const [name, state] of Object.entries(STATES) as [InstanceState["name"], InstanceState][]) {
  describe(name, () => {
    for (const [eventName, event] of Object.entries(EVENTS) as [InstanceEvent["name"], InstanceEvent][]) {
      const expected = LEADS_TO[name][eventName];
      test(expected === undefined ? `stays, whatever ${eventName}` : `becomes ${expected} on ${eventName}`, () => {
        const to = step({ ...INITIAL, state }, event);
        if (expected === undefined) assert.equal(to.state, state);
        else assert.equal(to.state.name, expected);
      });
    }
  });
}

describe("a generation", () => {
  test("is counted by each start, and by nothing else", () => {
    assert.equal(steps(EVENTS.hello, EVENTS.ready, EVENTS.answered, EVENTS.exited).generation, 1);
    assert.equal(steps(EVENTS.hello, EVENTS.ready, EVENTS.answered, EVENTS.exited, EVENTS.rested).generation, 2);
  });

  test("has answered nothing when it starts", () => {
    assert.equal(steps(EVENTS.hello, EVENTS.ready, EVENTS.answered, EVENTS.exited, EVENTS.rested).answered, false);
  });
});

test("the reason of a failure, a crash and a quarantine is kept for the operator", () => {
  assert.deepEqual(step(INITIAL, EVENTS["load-failed"]).state, { name: "failed", reason: "bad weights" });
  assert.deepEqual(step(INITIAL, EVENTS.exited).state, { name: "backoff", delayMs: 0, reason: "status 3" });
  const reason = "it ends again and again, and is tried every 30 s only; the last time: status 3";
  assert.deepEqual(crashes(5, 0).at(-1)?.state, { name: "quarantined", delayMs: POLICY.quarantineMs, reason });
});

describe("the delay before a restart", () => {
  const PATIENT = { ...POLICY, breakerCrashes: Number.POSITIVE_INFINITY };
  const delays = (count: number, random = 0): number[] => {
    let current = INITIAL;
    return Array.from({ length: count }, () => {
      current = transition(current, EVENTS.exited, PATIENT, 0, random);
      const delayMs = current.state.name === "backoff" ? current.state.delayMs : Number.NaN;
      current = transition(current, EVENTS.rested, PATIENT, 0, random);
      return delayMs;
    });
  };

  test("is none at first, then doubles with each crash in a row up to its limit", () => {
    assert.deepEqual(delays(8), [0, 100, 200, 400, 800, 1000, 1000, 1000]);
  });

  test("is up to half shorter by chance, so that instances do not restart in step", () => {
    assert.deepEqual(delays(4, 0.5), [0, 75, 150, 300]);
    assert.deepEqual(delays(8, 1).at(-1), 500);
  });

  test("stays finite after a thousand crashes", () => {
    assert.equal(delays(2000).at(-1), 1000);
  });

  test("is none again after an answer", () => {
    const [, second] = crashes(2, 0);
    const answered = [EVENTS.rested, EVENTS.hello, EVENTS.ready, EVENTS.answered].reduce((from, event) => step(from, event), second as Supervision);
    assert.deepEqual(delaysOf([step(answered, EVENTS.exited)]), [0]);
  });

  test("is none after a kill by the host, which leaves no mark", () => {
    const [first] = crashes(1, 0);
    const running = step(step(first as Supervision, EVENTS.rested), EVENTS.hello);
    const killed = step(running, { name: "exited", reason: "killed: timeout", blame: "host" });
    assert.deepEqual(killed, { ...running, state: { name: "backoff", delayMs: 0, reason: "killed: timeout" } });
  });
});

describe("the breaker", () => {
  test("opens with as many crashes within its window", () => {
    assert.deepEqual(namesOf(crashes(5, 10_000)), ["backoff", "backoff", "backoff", "backoff", "quarantined"]);
  });

  test("opens with as many crashes in a row, however far apart", () => {
    assert.deepEqual(namesOf(crashes(5, 600_000)), ["backoff", "backoff", "backoff", "backoff", "quarantined"]);
  });

  test("stays closed while a model answers between crashes that are further apart", () => {
    let current = INITIAL;
    for (let i = 0; i < 20; i++) {
      current = [EVENTS.rested, EVENTS.hello, EVENTS.ready, EVENTS.answered, EVENTS.exited].reduce((from, event) => step(from, event, i * 15_000), current);
      assert.equal(current.state.name, "backoff");
    }
  });

  test("counts crashes of a model that answers between them", () => {
    let current = INITIAL;
    for (let i = 0; i < 5; i++)
      current = [EVENTS.rested, EVENTS.hello, EVENTS.ready, EVENTS.answered, EVENTS.exited].reduce((from, event) => step(from, event), current);
    assert.equal(current.state.name, "quarantined");
  });

  test("does not count kills by the host", () => {
    let current = INITIAL;
    for (let i = 0; i < 20; i++) current = step(step(current, { name: "exited", reason: "killed", blame: "host" }), EVENTS.rested);
    assert.deepEqual([current.state.name, current.crashTimes], ["starting", []]);
  });

  const REQUEST: InstanceEvent = { name: "exited", reason: "status 3", blame: "request" };

  test("does not count crashes that requests are to blame for where others are answered between them", () => {
    let current = INITIAL;
    for (let i = 0; i < 20; i++)
      current = [REQUEST, EVENTS.rested, EVENTS.hello, EVENTS.ready, EVENTS.answered].reduce((from, event) => step(from, event), current);
    assert.deepEqual([current.state.name, current.crashTimes], ["ready", []]);
  });

  test("counts them half where nothing is answered between them", () => {
    let current = INITIAL;
    const states: string[] = [];
    for (let i = 0; i < 10; i++) {
      current = step(current, REQUEST);
      states.push(current.state.name);
      current = step(current, EVENTS.rested);
    }
    assert.deepEqual([states.lastIndexOf("backoff"), states.at(-1)], [8, "quarantined"]);
  });

  const UNKNOWN: InstanceEvent = { name: "exited", reason: "SIGKILL", blame: "unknown" };

  test("does not count signals from elsewhere, however many, where the instance answers between some of them", () => {
    let current = INITIAL;
    for (let i = 0; i < 20; i++) {
      const events = i % 4 === 3 ? [EVENTS.hello, EVENTS.ready, EVENTS.answered] : [EVENTS.hello, EVENTS.ready];
      current = [...events, UNKNOWN, EVENTS.rested].reduce((from, event) => step(from, event), current);
      assert.deepEqual([current.state.name, current.crashTimes], ["starting", []]);
    }
  });

  test("opens with as many signals from elsewhere in a row, none answered between them", () => {
    let current = INITIAL;
    const states: string[] = [];
    for (let i = 0; i < 5; i++) {
      current = [EVENTS.hello, EVENTS.ready, UNKNOWN].reduce((from, event) => step(from, event), current);
      states.push(current.state.name);
      current = step(current, EVENTS.rested);
    }
    assert.deepEqual(states, ["backoff", "backoff", "backoff", "backoff", "quarantined"]);
  });
});

describe("after its rest, a quarantined instance", () => {
  const quarantined = crashes(5, 0).at(-1) as Supervision;
  const probing = (now: number): Supervision => step(quarantined, EVENTS.rested, now);

  test("is tried once more", () => {
    assert.deepEqual([probing(30_000).state.name, probing(30_000).generation], ["starting", quarantined.generation + 1]);
  });

  test("is quarantined again when it crashes before it answers", () => {
    assert.equal(step(probing(30_000), EVENTS.exited, 31_000).state.name, "quarantined");
  });

  test("is quarantined again however long that took", () => {
    assert.equal(step(probing(30_000), EVENTS.exited, 500_000).state.name, "quarantined");
  });

  test("is quarantined again though the host killed it in between", () => {
    const killed = step(probing(30_000), { name: "exited", reason: "killed", blame: "host" }, 31_000);
    assert.equal(step(step(killed, EVENTS.rested), EVENTS.exited, 500_000).state.name, "quarantined");
  });

  test("is an instance like any other once it has answered", () => {
    const answered = [EVENTS.hello, EVENTS.ready, EVENTS.answered].reduce((from, event) => step(from, event), probing(30_000));
    assert.deepEqual(delaysOf([step(answered, EVENTS.exited, 500_000)]), [0]);
  });
});
