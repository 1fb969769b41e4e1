// How a command that serves ends: the first signal finishes what runs, a later one ends at once.
import { EXIT } from "./failure.ts";
import { note } from "./output.ts";

/** A second signal within this time is the same one: Ctrl-C under npm reaches us from the terminal and from npm. */
const SAME_SIGNAL_MS = 1000;
/** A library may still connect to a Redis that has gone: it must not keep a process that has stopped. */
const LINGER_MS = 1000;

/** Resolves once `stop` has finished after SIGINT or SIGTERM. */
export function stopOnSignal(stop: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stoppingSince: number | null = null;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stoppingSince !== null) {
        if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(EXIT.interrupted);
        return;
      }
      stoppingSince = performance.now();
      note(`\n${signal}: finishing what runs (once more to end at once)`);
      stop().then(() => {
        note("stopped");
        setTimeout(() => process.exit(), LINGER_MS).unref();
        resolve();
      }, reject);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
