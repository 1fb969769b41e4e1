import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { Instance, type InstanceHooks, type PreparedVersion } from "../../../../workers/instance/instance.ts";
import type { ConfinedProcess } from "../../../../workers/sandbox/launcher.ts";
import { modelVersion } from "../../../support/specs.ts";

test("an instance has its time to load from when its process is up, however long it waited for that", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const signals: NodeJS.Signals[] = [];
  const stream = new PassThrough() as unknown as Socket;
  const child: ConfinedProcess = {
    pid: 0,
    input: stream,
    output: stream,
    control: null,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    ended: false,
    overrun: null,
    exited: new Promise(() => {}),
    kill: (signal) => void signals.push(signal),
    interrupt: () => {},
    adopt: () => null,
  };
  const launched = Promise.withResolvers<ConfinedProcess>();
  const prepared = { version: modelVersion(), softCancel: "frame", confinement: {} } as PreparedVersion;
  const instance = new Instance(1, prepared, { level: "strict", launch: () => launched.promise }, {} as InstanceHooks, pino({ level: "silent" }));
  instance.start();
  t.mock.timers.tick(60_000);
  launched.resolve(child);
  await setImmediate();
  t.mock.timers.tick(59_999);
  assert.deepEqual(signals, []);
  t.mock.timers.tick(1);
  assert.deepEqual(signals, ["SIGKILL"]);
});
