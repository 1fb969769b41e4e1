// The worker's half of the Redis lane, for one version: takes a bundle whenever there is room for it in front of the slots.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { IdiomError } from "../../core/errors.ts";
import { Invocation, type Outcome, type Priority } from "../../core/invocation.ts";
import type { ModelVersion } from "../../core/model.ts";
import type { Signature } from "../../core/signature.ts";
import { misfit } from "../../core/tensor-check.ts";
import type { RedisClock } from "../../redis/clock.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys, type QueueName } from "../../redis/keys.ts";
import { dequeued } from "../../redis/scripts.ts";
import type { Cancellations } from "./cancellations.ts";
import { PriorityTurns } from "./priority-turns.ts";
import { batchQueueOf } from "./queue-of.ts";
import type { ReplyOutbox } from "./reply-outbox.ts";
import { type Bundle, type BundledRequest, decodeBundle, type Reply } from "./wire.ts";

const POP_SECONDS = 1;
const RETRY_MS = 100;
/** Longer than a pop takes where Redis answers. */
const LAST_POP_MS = 1500;
/** A pop that has been out for this long has found nothing: the answer would be back. */
const SURELY_BLOCKED_MS = 2;

/** The pool that a feeder feeds. */
export interface BundleConsumer {
  readonly version: ModelVersion;
  /** Null until the version is ready here. */
  readonly signature: Signature | null;
  /** Digest of what it runs with here. */
  readonly environment: string;
  /** Whether there is room for one more bundle, and for one with rows of jobs. */
  readonly wantsBundle: boolean;
  readonly wantsBatch: boolean;
  /**
   * Takes them behind what waits already: that came directly, while nothing waited in Redis. Resolves once what else there is to do
   * delays no lone caller's answer: when it has gone out, or it takes longer; at once where there are several.
   */
  acceptBundle(invocations: readonly Invocation[]): Promise<void>;
}

/** What every feeder of a node shares. */
export interface FeederContext {
  readonly node: string;
  readonly commands: RedisConnection;
  readonly clock: RedisClock;
  readonly replies: ReplyOutbox;
  /** Whether this life of a gateway still holds its lease. */
  isAlive(gateway: string): Promise<boolean>;
  readonly cancellations: Cancellations;
  readonly log: Logger;
}

export class BundleFeeder {
  readonly #consumer: BundleConsumer;
  readonly #context: FeederContext;
  /** Used for nothing but waiting for bundles. */
  readonly #blocking: RedisConnection;
  readonly #batch: boolean;
  #poppingSince: number | null = null;
  readonly #turns = new PriorityTurns();
  /** performance.now() from which on an empty queue is the end; null as long as the version is served. */
  #lastAt: number | null = null;
  #stopped = false;
  #wake: (() => void) | null = null;
  readonly #givenUp = Promise.withResolvers<void>();
  /** Resolves after `stop`, when nothing popped is in our hands any more. */
  readonly ended: Promise<void>;

  /** `batch`: takes rows of jobs and nothing else; otherwise everything but those. */
  constructor(consumer: BundleConsumer, blocking: RedisConnection, context: FeederContext, batch: boolean) {
    this.#consumer = consumer;
    this.#batch = batch;
    this.#blocking = blocking;
    this.#context = context;
    this.ended = Promise.race([this.#run(), this.#givenUp.promise]).finally(() => blocking.disconnect());
  }

  get #queue(): QueueName {
    const { version, environment } = this.#consumer;
    return this.#batch ? batchQueueOf(version, environment) : version;
  }

  /** Whether nothing of this version waits in Redis: our own pop is out and still blocked. */
  get remoteIsEmpty(): boolean {
    return this.#poppingSince !== null && performance.now() - this.#poppingSince > SURELY_BLOCKED_MS;
  }

  /** There may be room now. */
  roomMayBeFree(): void {
    this.#wake?.();
  }

  /** Takes no more. A pop that is out is waited for: Redis may have given it a bundle that would be lost with the connection. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake?.();
    if (this.#blocking.status !== "ready") return this.#giveUp();
    const late = setTimeout(() => this.#giveUp(), LAST_POP_MS);
    void this.ended.then(() => clearTimeout(late));
  }

  /** The client never settles a command that waits for a connection which is not made any more. */
  #giveUp(): void {
    this.#blocking.disconnect();
    if (this.#poppingSince !== null) this.#givenUp.resolve();
  }

  /** Takes what waits and what still comes within `lingerMs`, then no more. Resolves like `ended`. */
  finish(lingerMs: number): Promise<void> {
    this.#lastAt = performance.now() + lingerMs;
    return this.ended;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (!(this.#batch ? this.#consumer.wantsBatch : this.#consumer.wantsBundle)) {
        this.#poppingSince = null;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
        continue;
      }
      try {
        await this.#pop();
      } catch (error) {
        this.#poppingSince = null;
        if (this.#stopped) return;
        this.#context.log.debug({ error: (error as Error).message }, "waiting for bundles failed; trying again");
        await delay(RETRY_MS);
      }
    }
  }

  async #pop(): Promise<void> {
    const order = this.#turns.order();
    const lists = order.map((priority) => keys.queue(this.#queue, priority));
    this.#poppingSince ??= performance.now();
    const popped = (await this.#blocking.blmpopBuffer(POP_SECONDS, lists.length, ...lists, "LEFT")) as unknown as [Buffer, Buffer[]] | null;
    if (popped === null) {
      if (this.#lastAt !== null && performance.now() >= this.#lastAt) this.stop();
      return;
    }
    this.#poppingSince = null;
    this.#turns.took(order[lists.indexOf(popped[0].toString())] as Priority);
    for (const bytes of popped[1]) await this.#take(bytes);
  }

  async #take(bytes: Buffer): Promise<void> {
    let bundle: Bundle;
    try {
      bundle = decodeBundle(bytes);
    } catch (error) {
      this.#context.log.error({ error: (error as Error).message }, "a bundle that cannot be read was dropped");
      return;
    }
    await this.#use(bundle);
    // Nothing that a caller waits for comes after it.
    this.#shrinkQueue(bundle);
  }

  async #use(bundle: Bundle): Promise<void> {
    // Where Redis cannot say it now, work for a dead gateway costs less than a lost bundle of a living one.
    const alive = await this.#context.isAlive(bundle.gateway).catch(() => true);
    if (!alive) return;
    // It was popped for a node that stops: its gateway sends it to another one.
    if (this.#stopped) return this.#reply(bundle, { kind: "returned", bundle: bundle.id });
    this.#claim(bundle);
    const invocations = bundle.requests.flatMap((request) => this.#admit(bundle, request));
    if (invocations.length === 0) return;
    await this.#consumer.acceptBundle(invocations);
    // Redis often runs on the core of who has written to it, once that one sleeps (docs/adr/0019-the-answer-goes-first.md).
    if (invocations.every(({ settled }) => settled)) await this.#context.replies.taken();
  }

  /** Soon: an enqueue that finds the lists empty counts from zero again, and what is told after that is subtracted from others' requests. */
  #shrinkQueue({ requests }: Bundle): void {
    const bytes = requests.reduce((sum, request) => sum + request.inputs.reduce((total, tensor) => total + tensor.data.length, 0), 0);
    dequeued(this.#context.commands, this.#queue, requests.length, bytes).catch(() => {});
  }

  /** Before what must not run twice begins to run, its gateway is told where; anything else may be told with its answer. */
  #claim(bundle: Bundle): void {
    const claim: Reply = { kind: "claim", bundle: bundle.id, node: this.#context.node };
    if (this.#consumer.version.manifest.idempotent) this.#context.replies.addLater(bundle.gateway, claim);
    else this.#reply(bundle, claim);
  }

  /** The request as an invocation of this node; nothing when nobody waits for it any more, or when it does not fit. */
  #admit(bundle: Bundle, request: BundledRequest): Invocation[] {
    const { gateway } = bundle;
    const { sequence, attempt } = request;
    const { cancellations, clock } = this.#context;
    if (cancellations.has(gateway, sequence, attempt) || request.deadline < clock.now()) return [];
    const { version, signature } = this.#consumer;
    const problem = this.#problemWith(bundle, request);
    if (problem !== null || signature === null) {
      this.#reply(bundle, { kind: "error", sequence, attempt, code: "MODEL_NOT_READY", message: problem ?? `model '${version.name}' is not at ready state` });
      return [];
    }
    const { inputs, rows, mergeKey, priority } = request;
    const environment = this.#batch ? { environment: this.#consumer.environment } : {};
    const bytes = inputs.reduce((sum, tensor) => sum + tensor.data.length, 0);
    const answer = (outcome: Outcome): void => {
      unfollow();
      this.#reply(bundle, replyOf(request, outcome));
    };
    const invocation = new Invocation({ version, signature, inputs, rows, bytes, mergeKey, priority, ...environment }, answer, clock.toLocal(request.deadline));
    const unfollow = cancellations.follow(gateway, sequence, attempt, () => invocation.abandon());
    invocation.alone = request.alone;
    return [invocation];
  }

  /** A worker believes no gateway: the request must be for this very version and fit its signature. */
  #problemWith(bundle: Bundle, request: BundledRequest): string | null {
    const { version, signature } = this.#consumer;
    if (bundle.versionKey !== version.key || bundle.digest !== this.#queue.digest)
      return `this node has other files for '${version.key}' than the gateway knows, or another environment`;
    if (signature === null) return null;
    if (version.manifest.batching !== null && request.inputs.some(({ shape }) => shape[0] !== request.rows)) return `not every input has ${request.rows} rows`;
    if (request.inputs.length !== signature.inputs.length) return `${signature.inputs.length} inputs expected, ${request.inputs.length} came`;
    for (const [i, spec] of signature.inputs.entries()) {
      const problem = misfit(spec, request.inputs[i] as BundledRequest["inputs"][number]);
      if (problem !== null) return problem;
    }
    return null;
  }

  #reply(bundle: Bundle, reply: Reply): void {
    this.#context.replies.add(bundle.gateway, reply);
  }
}

function replyOf({ sequence, attempt }: BundledRequest, outcome: Outcome): Reply {
  if (!outcome.ok) {
    const { code, message } = IdiomError.from(outcome.error);
    return { kind: "error", sequence, attempt, code, message };
  }
  const { queueMs, computeMs } = outcome.timings;
  return { kind: "result", sequence, attempt, queueMs, computeMs, outputs: outcome.outputs };
}
