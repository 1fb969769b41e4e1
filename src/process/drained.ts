// What a process has written before its end, read to the last byte.
import type { Readable, Writable } from "node:stream";

/** So long; a descriptor that leaked elsewhere must not hide the exit. */
const DRAIN_AFTER_EXIT_MS = 200;

/** Resolves when everything has been read from the streams of a process that has ended; closes them, and `output`. */
export async function drained(inputs: readonly (Readable | null)[], output: Writable): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  // A busy machine may have held us up for that long: what lies in the pipes by then is read first.
  const timer = setTimeout(() => setImmediate(resolve), DRAIN_AFTER_EXIT_MS);
  await Promise.race([late, Promise.all(inputs.map(closed))]);
  clearTimeout(timer);
  // A helper of the model that outlives it may hold the other ends; it must not hold ours.
  for (const stream of [...inputs, output]) stream?.destroy();
}

/** Resolves when everything has been read from the stream. */
function closed(stream: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (stream === null || stream.destroyed || stream.readableEnded) resolve();
    else stream.once("close", resolve);
  });
}
