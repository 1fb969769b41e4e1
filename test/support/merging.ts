// Proof that requests were merged: what a version counts of its frames.
import type { Server } from "./server.ts";

export interface Frames {
  /** Frames that ran. */
  readonly frames: number;
  /** Requests in these frames; one that ran again counts again. */
  readonly runs: number;
}

/** Runs `act` and returns what it added to the version's frames. */
export async function framesDuring(server: Server, model: string, act: () => Promise<unknown>): Promise<Frames> {
  const before = await framesOf(server, model);
  await act();
  const after = await framesOf(server, model);
  return { frames: after.frames - before.frames, runs: after.runs - before.runs };
}

async function framesOf(server: Server, model: string): Promise<Frames> {
  return { frames: await server.metric("idiom_merged_requests_count", { model }), runs: await server.metric("idiom_merged_requests_sum", { model }) };
}
