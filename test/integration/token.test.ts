// idiom token: what a person types to let somebody in, and to shut them out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseApiKey } from "../../src/config/api-key.ts";
import { runCli } from "../support/cli.ts";
import { processFolder } from "../support/folders.ts";

const EXIT = { ok: 0, usage: 2, notFound: 3 };

test("keys are made, listed and revoked; only the one who made a key has seen it", async () => {
  const path = join(processFolder(), "keys.json");
  const token = (...args: string[]) => runCli(["token", ...args], { env: { IDIOM_API_KEYS: path } });

  const made = await token("create", "--name", "shop", "--role", "infer", "--model", "churn", "wine", "--rate", "0.5", "--concurrent", "2");
  assert.equal(made.code, EXIT.ok, made.stderr);
  const key = made.stdout.trim();
  const { id, hash } = parseApiKey(key) ?? {};
  assert.ok(made.stderr.includes(path));
  assert.ok(!readFileSync(path, "utf8").includes(key));

  const listed = await token("list", "-o", "json");
  const [{ createdAt, ...terms }] = JSON.parse(listed.stdout) as [{ createdAt: string }];
  assert.ok(Date.parse(createdAt) <= Date.now());
  assert.deepEqual(terms, { id, hash, name: "shop", role: "infer", models: ["churn", "wine"], requestsPerSecond: 0.5, maxConcurrent: 2 });

  const again = await token("create", "--name", "shop", "--role", "admin");
  assert.deepEqual([again.code, again.stdout], [EXIT.usage, ""]);
  assert.match(again.stderr, /^error: there is a key 'shop' already/);

  assert.equal((await token("revoke", id as string)).code, EXIT.ok);
  assert.deepEqual(JSON.parse((await token("list", "-o", "json")).stdout), []);
  assert.equal((await token("revoke", "shop")).code, EXIT.notFound);
});

for (const [what, args] of [
  ["a role that there is not", ["--name", "a", "--role", "root"]],
  ["no role", ["--name", "a"]],
  ["an administrator of some models", ["--name", "a", "--role", "admin", "--model", "churn"]],
  ["a rate of nothing", ["--name", "a", "--role", "infer", "--rate", "0"]],
  ["a name that no log can show", ["--name", "a b", "--role", "infer"]],
] as const) {
  test(`${what} makes no key`, async () => {
    const path = join(processFolder(), "keys.json");
    const { code, stdout } = await runCli(["token", "create", ...args, "--file", path]);
    assert.deepEqual([code, stdout], [EXIT.usage, ""]);
  });
}
