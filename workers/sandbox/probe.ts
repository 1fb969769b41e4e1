// One attack at every start: a process in the sandbox tries what a hostile model would try first.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { pidNamespace } from "../../src/process/proc.ts";
import { harnessEnvironment } from "../runtimes.ts";
import type { BootAttack, Launcher } from "./launcher.ts";

const FOLDER = join(PACKAGE_ROOT, "workers", "sandbox", "probe");
/** A machine that starts many things at once takes its time; what lasts longer hangs. */
const TIMEOUT_MS = 30_000;
const LIMITS = {
  timeoutMs: TIMEOUT_MS,
  memoryBytes: 2 ** 30,
  dataBytes: 2 ** 30,
  cpus: null,
  pids: 64,
  sharedBy: 1,
  sandboxMemoryBytes: 2 ** 30,
  sandboxPids: 64,
  tmpBytes: 2 ** 20,
  network: false,
};

/** What the process was able to do of what the level stops; empty when the sandbox holds. @throws Error when it cannot be started. */
export async function attackOnce(launcher: Launcher): Promise<BootAttack[]> {
  const listener = createServer((socket) => socket.destroy());
  await once(listener.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = listener.address() as AddressInfo;
    const targets = { file: join(PACKAGE_ROOT, "package.json"), pid: process.pid, pidNamespace: pidNamespace(), port, folder: FOLDER };
    const child = await launcher.launch(
      {
        command: [process.execPath, join(FOLDER, "attack.mjs"), JSON.stringify(targets)],
        env: harnessEnvironment({ env: {} }),
        cwd: FOLDER,
        transport: "socket",
        control: false,
      },
      { visible: [process.execPath, FOLDER], limits: LIMITS },
    );
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, TIMEOUT_MS);
    // Nothing comes there; it is read to the end for the exit to be whole.
    child.input.resume();
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    output.catch(() => {}); // Awaited below, unless there is a better reason to give.
    const { code } = await child.exited;
    clearTimeout(timer);
    if (hung) throw new Error(`the first process in it had not ended after ${TIMEOUT_MS / 1000} s`);
    const [printed, errors] = await output;
    if (code !== 0) throw new Error(errors.trim() || `the first process in it ended with status ${code}`);
    return (JSON.parse(printed) as BootAttack[]).filter((attack) => launcher.stops.includes(attack));
  } finally {
    listener.close();
  }
}
