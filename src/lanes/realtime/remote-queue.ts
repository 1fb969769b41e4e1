// The gateway's half of the Redis lane: what finds no room here is bundled, pushed, and remembered until it is answered, its
// deadline passes, or it runs again because the node that had it is gone.
import { setTimeout as delay, setImmediate as immediate } from "node:timers/promises";
import type { Logger } from "pino";
import { ERRORS, type ErrorCode, IdiomError } from "../../core/errors.ts";
import type { Invocation } from "../../core/invocation.ts";
import type { Tensor } from "../../core/tensor.ts";
import { misfit } from "../../core/tensor-check.ts";
import type { RedisClock } from "../../redis/clock.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { whyFailed } from "../../redis/health.ts";
import { keys } from "../../redis/keys.ts";
import { enqueue } from "../../redis/scripts.ts";
import type { RemoteLane } from "./lane.ts";
import { lostAmong, type PushedBundle } from "./lost-bundles.ts";
import { queuePlaceOf } from "./queue-of.ts";
import { decodeReplies, encodeBundle, type Reply } from "./wire.ts";

const MAX_BUNDLE_BYTES = 2 ** 20;
/** A request without a deadline waits this long; so nothing waits for ever, whatever Redis forgets. */
const MAX_WAIT_MS = 60_000;
const SWEEP_MS = 100;
/** A look after bundles that nobody has claimed, every so many sweeps. */
const LOOK_EVERY = 3;
const POP_SECONDS = 1;
/** Replies are asked for once every so many sweeps though nothing is out: what came too late is dropped, a connection that has died is found. */
const ASK_EVERY = 50;
/** Replies taken with one pop. */
const POP_COUNT = 64;
/** A request runs a second time when the node that had claimed it dies, and not a third time. */
const MAX_ATTEMPTS = 2;

export interface RemoteQueueOptions {
  /** Names this life of the gateway; a new process has a new name. */
  readonly gateway: string;
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
}

interface Outstanding {
  readonly invocation: Invocation;
  readonly attempt: number;
  readonly bundle: SentBundle;
}

interface SentBundle extends PushedBundle {
  readonly id: number;
  readonly sequences: number[];
  open: number;
}

/** What shall go out with the next bundle. */
interface Outgoing {
  readonly invocation: Invocation;
  readonly attempt: number;
  readonly undelivered: (error: IdiomError) => void;
}

export class RemoteQueue implements RemoteLane {
  readonly #commands: RedisConnection;
  readonly #blocking: RedisConnection;
  readonly #clock: RedisClock;
  readonly #options: RemoteQueueOptions;
  readonly #log: Logger;
  readonly #outbox = new Map<string, Outgoing[]>();
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #bundles = new Map<number, SentBundle>();
  /** Who waits until all sequences before one are settled. */
  #answeredWaiters: { readonly before: number; readonly resolve: () => void }[] = [];
  #nextSequence = 1;
  #nextBundle = 1;
  #flushScheduled = false;
  #leased = false;
  #onLeased: () => void = () => {};
  /** Ends the wait for a bundle that Redis has taken. */
  #askForReplies: () => void = () => {};
  #stopped = false;
  /** Called when something that was out is not any more; null while nobody waits for it. */
  #forgotten: (() => void) | null = null;
  readonly #sweeper: NodeJS.Timeout;
  #sweeps = 0;
  #looking = false;

  /** `blocking` is used for nothing but waiting for replies. */
  constructor(commands: RedisConnection, blocking: RedisConnection, clock: RedisClock, options: RemoteQueueOptions, log: Logger) {
    this.#commands = commands;
    this.#blocking = blocking;
    this.#clock = clock;
    this.#options = options;
    this.#log = log;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    void this.#receive();
  }

  get available(): boolean {
    return this.#leased && this.#commands.status === "ready" && !this.#stopped;
  }

  /** The gateway's lease is held. Until then workers would take us for dead and drop what we send. */
  leased(): void {
    this.#leased = true;
    this.#onLeased();
  }

  /** `listener` hears of each time that the lease is taken or renewed. */
  onLeased(listener: () => void): void {
    this.#onLeased = listener;
  }

  submit(invocation: Invocation, undelivered: (error: IdiomError) => void): void {
    this.#add({ invocation, attempt: 1, undelivered });
  }

  /** These nodes' leases have ended: what they had claimed runs again elsewhere, if it may. What waits still is not theirs. */
  nodesGone(nodes: ReadonlySet<string>): void {
    for (const bundle of [...this.#bundles.values()])
      if (bundle.node !== null && nodes.has(bundle.node)) this.#requeue(bundle, `the node ${bundle.node} is gone`);
  }

  /** Redis has lost what it held: queues, replies, or both. */
  contentsLost(): void {
    for (const bundle of [...this.#bundles.values()]) this.#requeue(bundle, "Redis has lost it");
  }

  /** Resolves when all that is out now is settled; what has no answer after `timeoutMs` gets an error. */
  async whenAnswered(timeoutMs: number): Promise<void> {
    // What is to go out at the end of this turn has a sequence then.
    await immediate();
    const waited = new AbortController();
    const before = this.#nextSequence;
    const answered = new Promise<void>((resolve) => this.#answeredWaiters.push({ before, resolve }));
    const late = delay(timeoutMs, undefined, { signal: waited.signal }).then(() => this.#failAll());
    await Promise.race([answered, late.catch(() => {})]);
    waited.abort();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#sweeper);
    this.#askForReplies();
    this.#failAll();
  }

  #failAll(): void {
    for (const bundle of [...this.#bundles.values()]) this.#failBundle(bundle, new IdiomError("SHUTTING_DOWN", "the gateway is shutting down"));
  }

  #add(outgoing: Outgoing): void {
    const { version, priority, environment } = outgoing.invocation.request;
    const key = environment === undefined ? `${priority} ${version.key}` : `${priority} ${version.key} ${environment}`;
    const waiting = this.#outbox.get(key);
    if (waiting === undefined) this.#outbox.set(key, [outgoing]);
    else waiting.push(outgoing);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Once a turn of the event loop: everything that came together goes out in as few bundles as the model's limits allow. */
  #flush(): void {
    this.#flushScheduled = false;
    for (const waiting of this.#outbox.values()) {
      const open = waiting.filter(({ invocation }) => !invocation.settled);
      let from = 0;
      while (from < open.length) {
        const to = bundleEnd(open, from);
        this.#send(open.slice(from, to));
        from = to;
      }
    }
    this.#outbox.clear();
  }

  #send(entries: readonly Outgoing[]): void {
    const { version, priority } = (entries[0] as Outgoing).invocation.request;
    const target = queuePlaceOf((entries[0] as Outgoing).invocation.request);
    const bundle: SentBundle = { id: this.#nextBundle++, ...target, sequences: [], place: null, node: null, missingSince: null, open: entries.length };
    this.#bundles.set(bundle.id, bundle);
    let bytes = 0;
    const requests = entries.map(({ invocation, attempt }) => {
      const sequence = this.#nextSequence++;
      this.#remember(sequence, { invocation, attempt, bundle });
      const { inputs, rows, mergeKey } = invocation.request;
      bytes += invocation.request.bytes;
      const deadline = this.#clock.fromLocal(Math.min(invocation.deadlineAt, Date.now() + MAX_WAIT_MS));
      return { sequence, attempt, alone: invocation.alone, priority, deadline, rows, mergeKey, inputs };
    });
    const payload = encodeBundle({ gateway: this.#options.gateway, id: bundle.id, versionKey: version.key, digest: target.queue.digest, requests });
    enqueue(this.#commands, {
      version: target.queue,
      priority: target.priority,
      payload,
      requests: entries.length,
      bytes,
      maxRequests: this.#options.maxQueuedRequests,
      maxBytes: this.#options.maxQueuedBytes,
      expireMs: MAX_WAIT_MS,
    }).then(
      (place) => {
        this.#askForReplies();
        bundle.place = place;
        if (place === null)
          this.#failBundle(bundle, new IdiomError("QUEUE_FULL", `the queue of model '${version.name}' version '${version.version}' is full; try again later`));
      },
      (error: Error) => this.#undelivered(bundle, entries, new IdiomError("QUEUE_FULL", `the request cannot be queued: ${whyFailed(error)}`)),
    );
  }

  #remember(sequence: number, outstanding: Outstanding): void {
    const { invocation, bundle, attempt } = outstanding;
    bundle.sequences.push(sequence);
    this.#outstanding.set(sequence, outstanding);
    invocation.onAbandon = () => {
      this.#forget(sequence);
      this.#cancel(sequence, attempt);
    };
  }

  #forget(sequence: number): void {
    const outstanding = this.#outstanding.get(sequence);
    if (outstanding === undefined) return;
    this.#outstanding.delete(sequence);
    if (--outstanding.bundle.open === 0) this.#bundles.delete(outstanding.bundle.id);
    this.#forgotten?.();
  }

  #cancel(sequence: number, attempt: number): void {
    this.#commands.publish(keys.cancelled, cancelledAttempt(this.#options.gateway, sequence, attempt)).catch(() => {});
  }

  /** Sends again what the model allows to run again. Only an attempt that a node has claimed can have run, and counts. */
  #requeue(bundle: SentBundle, why: string): void {
    const claimed = bundle.node !== null;
    for (const { invocation, attempt } of this.#withdraw(bundle, true)) {
      const { name, version, manifest } = invocation.request.version;
      if (manifest.idempotent && (!claimed || attempt < MAX_ATTEMPTS)) this.#addAgain(invocation, claimed ? attempt + 1 : attempt);
      else invocation.fail(new IdiomError("INSTANCE_DIED", `the request to model '${name}' version '${version}' has no answer: ${why}`));
    }
  }

  /** Nothing of it has run. */
  #returned(bundle: SentBundle): void {
    for (const { invocation, attempt } of this.#withdraw(bundle, false)) this.#addAgain(invocation, attempt);
  }

  #addAgain(invocation: Invocation, attempt: number): void {
    this.#add({ invocation, attempt, undelivered: (error) => invocation.fail(error) });
  }

  /** Forgets the bundle; answers to it are dropped from now on. */
  #withdraw(bundle: SentBundle, cancel: boolean): Outstanding[] {
    return bundle.sequences.flatMap((sequence) => {
      const outstanding = this.#outstanding.get(sequence);
      if (outstanding === undefined) return [];
      this.#forget(sequence);
      if (cancel) this.#cancel(sequence, outstanding.attempt);
      return [outstanding];
    });
  }

  /** Whether the bundle was pushed before the connection broke nobody knows: its attempts are cancelled before they go elsewhere. */
  #undelivered(bundle: SentBundle, entries: readonly Outgoing[], error: IdiomError): void {
    bundle.sequences.forEach((sequence, i) => {
      const { invocation, attempt, undelivered } = entries[i] as Outgoing;
      if (!this.#outstanding.has(sequence)) return;
      this.#forget(sequence);
      this.#cancel(sequence, attempt);
      invocation.onAbandon = null;
      if (invocation.request.version.manifest.idempotent) undelivered(error);
      else invocation.fail(error);
    });
  }

  #failBundle(bundle: SentBundle, error: IdiomError): void {
    for (const { invocation } of this.#withdraw(bundle, false)) invocation.fail(error);
  }

  #sweep(): void {
    if (++this.#sweeps % LOOK_EVERY === 0) void this.#lookForLost();
    if (this.#outstanding.size > 0 || this.#sweeps % ASK_EVERY === 0) this.#askForReplies();
    const now = Date.now();
    for (const [sequence, { invocation, attempt }] of this.#outstanding) {
      const waitedMs = performance.now() - invocation.arrivedAt;
      if (now < invocation.deadlineAt && waitedMs < MAX_WAIT_MS) continue;
      this.#forget(sequence);
      this.#cancel(sequence, attempt);
      invocation.fail(new IdiomError("DEADLINE_EXCEEDED", `no answer within ${Math.round(waitedMs)} ms`));
    }
    const [oldest = this.#nextSequence] = this.#outstanding.keys();
    this.#answeredWaiters = this.#answeredWaiters.filter(({ before, resolve }) => oldest < before || resolve());
  }

  async #lookForLost(): Promise<void> {
    if (this.#looking || !this.available || this.#bundles.size === 0) return;
    this.#looking = true;
    try {
      for (const bundle of await lostAmong(this.#commands, this.#bundles.values())) this.#requeue(bundle, "it was taken from the queue and never claimed");
    } catch (error) {
      this.#log.debug({ error: (error as Error).message }, "the queues could not be looked at; trying again");
    } finally {
      this.#looking = false;
    }
  }

  async #receive(): Promise<void> {
    const list = keys.replies(this.#options.gateway);
    while (!this.#stopped) {
      // Nothing is out: to ask now would keep this process and Redis from the next request.
      if (this.#outstanding.size === 0) await this.#untilQueued();
      try {
        const popped = (await this.#blocking.blmpopBuffer(POP_SECONDS, 1, list, "LEFT", "COUNT", POP_COUNT)) as unknown as [Buffer, Buffer[]] | null;
        for (const bytes of popped?.[1] ?? []) this.#handle(bytes);
      } catch (error) {
        if (!this.#stopped) this.#log.debug({ error: (error as Error).message }, "waiting for replies failed; trying again");
        await new Promise((resolve) => setTimeout(resolve, SWEEP_MS));
      }
    }
  }

  /** Resolves when Redis has taken a bundle, or it is time to look all the same. */
  #untilQueued(): Promise<void> {
    return new Promise((resolve) => {
      this.#askForReplies = resolve;
    });
  }

  #handle(bytes: Buffer): void {
    try {
      for (const reply of decodeReplies(bytes)) this.#reply(reply);
    } catch (error) {
      this.#log.error({ error: (error as Error).message }, "a reply that cannot be read was dropped");
    }
  }

  #reply(reply: Reply): void {
    if (reply.kind === "claim" || reply.kind === "returned") {
      const bundle = this.#bundles.get(reply.bundle);
      if (bundle === undefined) return;
      if (reply.kind === "claim") bundle.node = reply.node;
      else this.#returned(bundle);
      return;
    }
    const outstanding = this.#outstanding.get(reply.sequence);
    if (outstanding === undefined || outstanding.attempt !== reply.attempt) return;
    this.#forget(reply.sequence);
    const { invocation } = outstanding;
    if (reply.kind === "error") {
      invocation.fail(new IdiomError(Object.hasOwn(ERRORS, reply.code) ? (reply.code as ErrorCode) : "INTERNAL", reply.message));
      return;
    }
    const { outputs, queueMs, computeMs } = reply;
    const problem = misfitOf(invocation, outputs);
    if (problem !== null) invocation.fail(new IdiomError("INVALID_OUTPUT", problem));
    else invocation.settle({ ok: true, outputs, timings: { queueMs, computeMs } });
  }
}

/** How a cancelled attempt is named on the channel. */
export function cancelledAttempt(gateway: string, sequence: number, attempt: number): string {
  return `${gateway} ${sequence} ${attempt}`;
}

/** A gateway believes no worker: the answer must fit the signature and the rows that were asked for. */
function misfitOf(invocation: Invocation, outputs: readonly Tensor[]): string | null {
  const { signature, rows, version } = invocation.request;
  if (outputs.length !== signature.outputs.length) return `${signature.outputs.length} outputs expected, ${outputs.length} answered`;
  for (const [i, spec] of signature.outputs.entries()) {
    const output = outputs[i] as (typeof outputs)[number];
    const problem = misfit(spec, output);
    if (problem !== null) return problem;
    if (version.manifest.batching !== null && output.shape[0] !== rows) return `'${spec.name}' has ${output.shape[0]} rows, ${rows} were asked`;
  }
  return null;
}

/** Entries of one key may hold two versions: the files have changed between two calls of one turn. */
function bundleEnd(entries: readonly Outgoing[], from: number): number {
  const { version } = (entries[from] as Outgoing).invocation.request;
  const maxRows = version.manifest.batching?.maxSize ?? 1;
  let rows = 0;
  let bytes = 0;
  let to = from;
  for (; to < entries.length; to++) {
    const { request } = (entries[to] as Outgoing).invocation;
    rows += Math.max(1, request.rows);
    bytes += request.bytes;
    if (to > from && (rows > maxRows || bytes > MAX_BUNDLE_BYTES || request.version !== version)) break;
  }
  return to;
}
