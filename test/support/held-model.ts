// A model whose only slot a test can hold for as long as it likes, so that other calls wait for it.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { type Call, type Client, failureOf, type InferResponse, inferRequest, outputsOf } from "./client.ts";
import type { Role } from "./cluster.ts";
import { tensor } from "./tensors.ts";

const MODEL = `import { setTimeout } from "node:timers/promises";

let frames = 0;

export default async ({ x }, { signal }) => {
  frames++;
  await setTimeout(x.data.reduce((most, ms) => Math.max(most, ms), 0), undefined, { signal });
  return { frame: x.data.map(() => frames), rows: x.data.map(() => x.data.length) };
};
`;
const SIGNATURE = `inputs: [{name: x, datatype: INT32, shape: [-1]}]
outputs: [{name: frame, datatype: INT32, shape: [-1]}, {name: rows, datatype: INT32, shape: [-1]}]
limits: {timeout: 120s}
`;
/** Every call's deadline. One that holds the slot would take as long; it is cancelled before. */
const HOLD_MS = 60_000;
const LOOK_AGAIN_MS = 20;

export interface HeldAnswer {
  /** Which call of the model's function answered, from 1. */
  readonly frame: number;
  /** The rows of that call. */
  readonly rows: number;
}

/** The files of a model in Node that takes as many ms as its largest number says. `more` joins its model.yaml. */
export function heldModel(more = ""): Readonly<Record<string, string>> {
  return { "model.yaml": `${SIGNATURE}${more}\n`, "model.mjs": MODEL };
}

/** Asks the model something that it answers at once. Without a priority of its own it is a normal call. */
export async function askHeld(client: Client, model: string, { rows: asked = 1, priority = 2 } = {}): Promise<HeldAnswer> {
  const { answer } = send(client, model, new Array<number>(asked).fill(0), priority);
  const { frame, rows } = outputsOf(await answer);
  assert.ok(frame !== undefined && rows !== undefined);
  return { frame: frame.data.readInt32LE(), rows: rows.data.readInt32LE() };
}

/**
 * Holds the only slot of a model and resolves once it is taken. What comes next waits: the worker takes what fits one more frame, the
 * rest stays in Redis. Returns what lets go of the slot.
 */
export async function holdSlot(client: Client, model: string, worker: Role): Promise<() => Promise<void>> {
  const frames = (): Promise<number> => worker.metric("idiom_merged_requests_count", { model });
  const before = await frames();
  const holding = send(client, model, [HOLD_MS], 2);
  const ended = failureOf(holding.answer);
  while ((await frames()) === before) await delay(LOOK_AGAIN_MS);
  return async () => {
    holding.cancel();
    assert.equal((await ended).code, status.CANCELLED);
  };
}

/** Resolves once so many calls of the model wait in the worker. */
export async function waitingAt(worker: Role, model: string, count: number): Promise<void> {
  while ((await worker.metric("idiom_queue_length", { model })) !== count) await delay(LOOK_AGAIN_MS);
}

function send(client: Client, model: string, ms: readonly number[], priority: number): Call<InferResponse> {
  const parameters = { priority: { uint64_param: priority } };
  return client.start("ModelInfer", inferRequest(model, [tensor("x", "INT32", ms)], "raw", { parameters }), { deadline: Date.now() + HOLD_MS });
}
