import assert from "node:assert/strict";
import { test } from "node:test";
import { missingCapabilities } from "../../../../workers/sandbox/capabilities.ts";

test("root has all that a sandbox needs, as far as nobody has taken it", () => {
  assert.deepEqual(missingCapabilities("Name:\tnode\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"), []);
});

test("what is missing has the kernel's names", () => {
  // Docker's own set.
  assert.deepEqual(missingCapabilities("CapEff:\t00000000a80425fb\n"), ["CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"]);
});
