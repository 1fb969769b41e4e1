// Waits for a quick answer with the event loop turning instead of asleep (docs/adr/0005-stay-awake.md).

/** Longer than a small model needs, short enough to cost nothing that anyone would miss. */
const AWAKE_MS = 0.15;

/**
 * Turns the event loop, which goes on serving everything else, while `waiting` holds and for 150 us at most. Resolves a turn later:
 * what has been answered is written then.
 */
export function stayAwakeWhile(waiting: () => boolean): Promise<void> {
  const until = performance.now() + AWAKE_MS;
  return new Promise((resolve) => {
    const turn = (): void => void setImmediate(waiting() && performance.now() < until ? turn : resolve);
    setImmediate(turn);
  });
}
