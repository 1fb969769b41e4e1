// Standard output and error, which belong to the model and end in the log.

/**
 * Makes writes to standard output and error finish before they return. On pipes Node queues what does not fit; a model that prints
 * much and then exits, or keeps the thread busy, would lose those lines. It also spares native code on the same descriptors EAGAIN.
 */
export function writeOutputBlocking() {
  for (const stream of [process.stdout, process.stderr]) {
    // Node has no documented way; the handle is absent where the descriptor is a file, which blocks anyway.
    const { _handle: handle } = /** @type {{_handle?: {setBlocking?: (on: boolean) => void}}} */ (/** @type {unknown} */ (stream));
    handle?.setBlocking?.(true);
  }
}
