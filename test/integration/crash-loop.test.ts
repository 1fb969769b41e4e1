// A model that ends its process again and again: everybody is told that it does not serve, and operators see how it ended.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { runCli } from "../support/cli.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { startInProcess } from "../support/in-process.ts";
import { ModelsFolder } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
/** Whatever it is asked, it prints a last line and ends. */
const CODE = `export default ({ x }) => {
  console.error(\`no weights for \${x.data[0]}\`);
  process.exit(9);
};
`;

test("a crash loop is quarantined, with the exit status and the last lines for operators", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ models: new ModelsFolder().add("m", { "model.yaml": YAML, "model.mjs": CODE }).path });
  t.after(() => server.stop());
  const codes: (string | undefined)[] = [];
  // Each call is another one, so that none of them can be to blame alone.
  for (let x = 0; !codes.includes("MODEL_NOT_READY"); x++) codes.push(errorCode(await failureOf(server.client.infer("m", [tensor("x", "INT32", [x])]))));

  assert.deepEqual(await server.client.call("ModelReady", { name: "m" }), { ready: false });
  assert.equal(await server.health.check("m"), "NOT_SERVING");
  const { stdout } = await runCli(["describe", "model", "m", "--server", server.address]);
  assert.match(stdout, /^State: +unavailable$/m);
  assert.match(
    stdout,
    /^Reason: +it ends again and again, and is tried every 30 s only; the last time: the process exited with status 9\n +no weights for \d+$/m,
  );
  assert.match(stdout, /^ +m\/1#1 .* quarantined /m);
  assert.match(stdout, /^Last exits:\n +m\/1#1, \d{4}-.*Z: the process exited with status 9\n +no weights for \d+$/m);
});

test("so is one whose process is ended by a signal as soon as it is ready, though nobody calls it", { timeout: 60_000 }, async (t) => {
  const code = `setTimeout(() => process.kill(process.pid, "SIGKILL"), 50);\nexport default ({ x }) => ({ y: x });\n`;
  const server = await startServer({ models: new ModelsFolder().add("m", { "model.yaml": YAML, "model.mjs": code }).path });
  t.after(() => server.stop());
  await server.log.first((line) => (line.includes("-> quarantined") ? line : null));
  assert.equal(await server.health.check("m"), "NOT_SERVING");
});

test("what it said of a limit before its last answer is not why it ended, and the call is run again", { timeout: 60_000 }, async (t) => {
  const code = `import { setTimeout } from "node:timers/promises";
export default async ({ x }) => {
  if (x.data[0] === 0) console.error("RangeError: Array buffer allocation failed, so one row at a time");
  await setTimeout(x.data[0]);
  return { y: x };
};
`;
  const node = await startInProcess(new ModelsFolder().add("m", { "model.yaml": YAML, "model.mjs": code }).path);
  t.after(() => node.stop());
  await node.up.settled();
  for (const ms of [0, 50, 50]) await node.client.infer("m", [tensor("x", "INT32", [ms])]);
  const [instance] = node.up.node.instancesOf("m/1");
  const call = node.client.infer("m", [tensor("x", "INT32", [500])]);
  while (instance?.idle) await setImmediate();
  process.kill(instance?.pid as number, "SIGKILL");
  assertSameTensor((await call)["y"], tensor("y", "INT32", [500]));
});
