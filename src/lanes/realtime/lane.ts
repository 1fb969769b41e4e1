// The realtime lane: where gateways leave calls and worker pools pick them up. They meet here and nowhere else.
import { IdiomError } from "../../core/errors.ts";
import { BATCH_PRIORITY, type Invocation } from "../../core/invocation.ts";
import type { ModelVersion } from "../../core/model.ts";

/** A pool that serves one version in this process. */
export interface LocalConsumer {
  /** Room in front of its slots, and nothing of the version known to wait in Redis: the direct path is open. */
  readonly directIsOpen: boolean;
  /** Room for rows of jobs. */
  readonly wantsBatch: boolean;
  /** Digest of what it runs with here: it takes no rows of jobs that were submitted for another. */
  readonly environment: string;
  /** Takes the invocation, or settles it with an error when it has no room. */
  offer(invocation: Invocation): void;
}

/** The way through Redis to any worker. */
export interface RemoteLane {
  readonly available: boolean;
  /** Takes over the invocation; `undelivered` is called when Redis did not take it. */
  submit(invocation: Invocation, undelivered: (error: IdiomError) => void): void;
}

/** For a gateway that drains. */
export const REFUSING: RemoteLane = {
  available: true,
  submit: (invocation) => invocation.fail(new IdiomError("SHUTTING_DOWN", "this gateway is draining; call another one")),
};

export class RealtimeLane {
  readonly #consumers = new Map<string, LocalConsumer>();
  readonly #direct: boolean;
  #remote: RemoteLane | null = null;
  #problem: (version: ModelVersion) => string | null = () => null;

  /** `direct` false: everything goes through Redis, also to the pools of this process. */
  constructor(direct = true) {
    this.#direct = direct;
  }

  /** No call to a version goes that way while `problem` says why not. */
  useRemote(remote: RemoteLane, problem: (version: ModelVersion) => string | null = () => null): void {
    this.#remote = remote;
    this.#problem = problem;
  }

  /** From now on `consumer` gets the calls of the version with this key. */
  attach(versionKey: string, consumer: LocalConsumer): void {
    this.#consumers.set(versionKey, consumer);
  }

  detach(versionKey: string): void {
    this.#consumers.delete(versionKey);
  }

  /** Takes over a call; it will be settled, whatever happens. */
  submit(invocation: Invocation): void {
    const { version } = invocation.request;
    const consumer = this.#consumers.get(version.key);
    const remote = this.#remote;
    if (remote?.available !== true || this.#problem(version) !== null)
      offerTo(consumer, invocation, remote === null ? "no worker serves it" : (this.#problem(version) ?? "Redis is away"));
    else if (this.#direct && consumer !== undefined && isOpenFor(consumer, invocation)) consumer.offer(invocation);
    else remote.submit(invocation, (error) => (consumer === undefined ? invocation.fail(error) : consumer.offer(invocation)));
  }
}

function isOpenFor(consumer: LocalConsumer, { request }: Invocation): boolean {
  return request.priority === BATCH_PRIORITY ? consumer.wantsBatch && consumer.environment === request.environment : consumer.directIsOpen;
}

function offerTo(consumer: LocalConsumer | undefined, invocation: Invocation, otherwise: string): void {
  if (consumer !== undefined) return consumer.offer(invocation);
  const { name, version } = invocation.request.version;
  invocation.fail(new IdiomError("MODEL_NOT_READY", `model '${name}' version '${version}' is not at ready state: ${otherwise}`));
}
