// Who waits for jobs to change. A job that changes all the time is told of now and then, its end at once.

/** Between two messages to one watcher. */
const DISTANCE_MS = 250;
/** What nobody told us of is seen after this time. */
const LOOK_MS = 1000;

type Tell = (ended: boolean) => void;

export class JobWatchers {
  readonly #byJob = new Map<string, Set<Tell>>();

  changed(id: string, ended: boolean): void {
    for (const tell of this.#byJob.get(id) ?? []) tell(ended);
  }

  /** Resolves when the job changes, after a second in any case, and once `signal` has aborted; before the distance of two messages only at its end. */
  nextChange(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const asked = performance.now();
      const watchers = this.#byJob.get(id) ?? new Set();
      this.#byJob.set(id, watchers);
      let timer: NodeJS.Timeout;
      const done = (): void => {
        clearTimeout(timer);
        watchers.delete(tell);
        if (watchers.size === 0) this.#byJob.delete(id);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const tell = (ended: boolean): void => {
        clearTimeout(timer);
        timer = setTimeout(done, ended ? 0 : Math.max(0, DISTANCE_MS - (performance.now() - asked)));
      };
      timer = setTimeout(done, LOOK_MS);
      watchers.add(tell);
      signal.addEventListener("abort", done);
    });
  }
}
