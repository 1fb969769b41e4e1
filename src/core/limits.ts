// Limits that several parts must agree on.

/** The longest body of a frame between the host and a harness (PROTOCOL.md, section 2). */
export const MAX_FRAME_BYTES = 64 * 2 ** 20;

/** The longest request: what is left of a frame for tensors, beside its header. */
export const MAX_REQUEST_BYTES = MAX_FRAME_BYTES - 2 ** 20;

/** The longest time that a timer can wait; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Dimensions of a tensor, as NumPy has them at most. */
export const MAX_RANK = 64;
