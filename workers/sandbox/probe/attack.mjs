// Runs inside the sandbox and tries to get out. Prints what it was able to do, as JSON; needs nothing but Node.
// biome-ignore lint/style/noRestrictedImports: what starts processes here is the attacker.
import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const targets = JSON.parse(process.argv[2]);

/** Whether a call went through. */
function succeeds(call) {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).catch(() => false);
}

const status = Object.fromEntries(
  readFileSync("/proc/self/status", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(/:\s+/)),
);

/** Among processes of its own, the host's number is another's. */
const hostHasPid = readlinkSync("/proc/self/ns/pid") === `pid:[${targets.pidNamespace}]`;
const written = join(targets.folder, "written");
const attacks = {
  "read a file of the host": succeeds(() => readFileSync(targets.file)),
  "read the host's environment": hostHasPid && succeeds(() => readFileSync(`/proc/${targets.pid}/environ`)),
  "signal the host": hostHasPid && succeeds(() => process.kill(targets.pid, 0)),
  "reach the host over the network": await connects(targets.port),
  "write to the folder of its model": succeeds(() => writeFileSync(written, "")),
  "make a user namespace": spawnSync("unshare", ["--user", "true"]).status === 0,
  "run as root": process.getuid() === 0,
  "use capabilities": status.CapEff !== "0000000000000000" || (status.CapBnd !== "0000000000000000" && status.NoNewPrivs !== "1"),
  "make every system call": status.Seccomp !== "2",
};
if (attacks["write to the folder of its model"]) rmSync(written, { force: true });
process.stdout.write(JSON.stringify(Object.keys(attacks).filter((name) => attacks[name])));
