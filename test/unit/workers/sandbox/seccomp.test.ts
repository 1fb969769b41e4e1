import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FilterOptions, seccompFilter } from "../../../../workers/sandbox/seccomp.ts";

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const errno = (number: number): number => 0x0005_0000 | number;
const [EPERM, EACCES, ENOSYS] = [errno(1), errno(13), errno(38)];
const CLOSED: FilterOptions = { network: false, hostFiles: "hidden", pass: null };
const ASK = 0x7fc0_0000;
const X64 = { name: "x64", audit: 0xc000_003e };
const ARM64 = { name: "arm64", audit: 0xc000_00b7 };

interface Call {
  readonly number: number;
  readonly audit?: number;
  readonly arguments?: readonly (number | bigint)[];
}

/** Runs the filter as the kernel does: loads, jumps forward, returns. */
function verdict(filter: Buffer, { number, audit = X64.audit, arguments: values = [] }: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(audit, 4);
  values.forEach((value, i) => data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * i));
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const [code, ifTrue, ifFalse, value] = [filter.readUInt16LE(at), filter.readUInt8(at + 2), filter.readUInt8(at + 3), filter.readUInt32LE(at + 4)];
    if (code === 0x06) return value;
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else {
      const tests: Record<number, boolean> = { 21: accumulator === value, 53: accumulator >= value, 69: (accumulator & value) !== 0 };
      assert.ok(code in tests, `instruction ${code}`);
      at += 8 * (tests[code] ? ifTrue : ifFalse);
    }
  }
  assert.fail("the filter has no end");
}

describe("the filter of system calls", () => {
  const filter = seccompFilter("x64", CLOSED);
  const cases: readonly (readonly [string, Call, number])[] = [
    ["lets read through", { number: 0 }, ALLOW],
    ["lets execve through", { number: 59 }, ALLOW],
    ["refuses ptrace", { number: 101 }, EPERM],
    ["refuses io_uring_setup", { number: 425 }, EPERM],
    ["refuses memory of no process (memfd_create)", { number: 319 }, EPERM],
    ["lets fork through", { number: 56, arguments: [0x0120_0011] }, ALLOW],
    ["lets threads through", { number: 56, arguments: [0x003d_0f00] }, ALLOW],
    ["refuses clone with a namespace for users", { number: 56, arguments: [0x1000_0011] }, EPERM],
    ["refuses clone with a namespace for mounts", { number: 56, arguments: [0x0002_0011] }, EPERM],
    ["knows no clone3", { number: 435 }, ENOSYS],
    ["knows no call that is newer than itself", { number: 467 }, ENOSYS],
    ["refuses a socket of the internet", { number: 41, arguments: [2] }, EACCES],
    ["refuses a UNIX socket", { number: 41, arguments: [1] }, EACCES],
    ["refuses a netlink socket", { number: 41, arguments: [16] }, EACCES],
    ["lets a pair of connected sockets through", { number: 53, arguments: [1, 0x80801] }, ALLOW],
    ["refuses a pair of sockets of another family", { number: 53, arguments: [40, 1] }, EACCES],
    ["refuses a pair of datagrams", { number: 53, arguments: [1, 0x80002] }, EACCES],
    ["refuses a lease, for which others wait", { number: 72, arguments: [3, 1024, 1] }, EPERM],
    ["refuses a larger pipe", { number: 72, arguments: [3, 1031, 1 << 20] }, EPERM],
    ["lets other commands of fcntl through", { number: 72, arguments: [3, 1030] }, ALLOW],
    ["refuses a larger buffer of a socket", { number: 54, arguments: [3, 1, 7] }, EPERM],
    ["lets other options of a socket through", { number: 54, arguments: [3, 1, 9] }, ALLOW],
    ["refuses a child that is its sibling", { number: 56, arguments: [0x8011] }, EPERM],
    ["refuses to adopt orphans", { number: 157, arguments: [36, 1] }, EPERM],
    ["lets a process ask for a signal at its parent's end", { number: 157, arguments: [1, 9] }, ALLOW],
    ["refuses to type into the terminal", { number: 16, arguments: [0, 0x5412] }, EPERM],
    ["lets other ioctls through", { number: 16, arguments: [0, 0x5401] }, ALLOW],
    ["lets a process limit itself", { number: 302, arguments: [0] }, ALLOW],
    ["refuses to limit another process", { number: 302, arguments: [1234] }, EPERM],
    ["lets a thread give way", { number: 141, arguments: [0, 0, 10] }, ALLOW],
    ["refuses to slow down another process", { number: 141, arguments: [0, 1234, 19] }, EPERM],
    ["refuses to slow down all processes of the user", { number: 141, arguments: [2, 0, 19] }, EPERM],
    ["refuses to schedule another process", { number: 144, arguments: [1234] }, EPERM],
    ["ends a process that calls by x32 numbers", { number: 0x4000_0000 + 101 }, KILL],
    ["ends a process that calls as a 32-bit one", { number: 26, audit: 0x4000_0003 }, KILL],
  ];
  for (const [what, call, expected] of cases) test(what, () => assert.equal(verdict(filter, call).toString(16), expected.toString(16)));

  test("has numbers of its own for aarch64", () => {
    const arm = seccompFilter(ARM64.name, CLOSED);
    assert.equal(verdict(arm, { number: 117, audit: ARM64.audit }), EPERM); // ptrace there
    assert.equal(verdict(arm, { number: 101, audit: ARM64.audit }), ALLOW); // nanosleep there
    assert.equal(verdict(arm, { number: 198, audit: ARM64.audit, arguments: [2] }), EACCES);
  });

  test("for models with network: internet sockets and no others", () => {
    const open = seccompFilter("x64", { ...CLOSED, network: true });
    assert.deepEqual(
      [2, 10, 1, 16, 40].map((family) => verdict(open, { number: 41, arguments: [family] })),
      [ALLOW, ALLOW, EACCES, EACCES, EACCES],
    );
  });

  test("asks about each new process and thread, but not about the one that shows the pass", () => {
    const pass = 0x1234_5678_9abc_def0n;
    const asking = seccompFilter("x64", { ...CLOSED, pass });
    const clone = (sixth: bigint, flags = 17): number => verdict(asking, { number: 56, arguments: [flags, 0, 0, 0, 0, sixth] });
    assert.equal(clone(pass), ALLOW);
    for (const other of [0n, pass & 0xffff_ffffn, (pass >> 32n) << 32n, pass + 1n]) assert.equal(clone(other), ASK);
    assert.equal(clone(pass, 0x1000_0011), EPERM); // A namespace for users.
    for (const number of [57, 58]) assert.equal(verdict(asking, { number }), ASK); // fork, vfork
  });

  test("where the host's files have names, lets nobody listen to them; where they are its own user's, lets nobody change their modes", () => {
    const [listen, chmod] = [254, 90];
    const verdicts = (["hidden", "named", "owned"] as const).map((hostFiles) => {
      const filter = seccompFilter("x64", { ...CLOSED, hostFiles });
      return [listen, chmod].map((number) => verdict(filter, { number }));
    });
    assert.deepEqual(verdicts, [
      [ALLOW, ALLOW],
      [EPERM, ALLOW],
      [EPERM, EPERM],
    ]);
  });

  test("is not made up for an architecture that is not known", () => {
    assert.throws(() => seccompFilter("mips", CLOSED), /the system calls of mips are not known; known are x64 and arm64/);
  });
});
