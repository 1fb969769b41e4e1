// The realtime lane: where gateways leave calls and worker pools pick them up. They meet here and nowhere else.
import { IdiomError } from "../../core/errors.ts";
import type { Invocation } from "../../core/invocation.ts";

/** A pool that serves one version on this node. */
export interface LocalConsumer {
  /** Takes the invocation, or settles it with an error when it has no room. */
  offer(invocation: Invocation): void;
}

export class RealtimeLane {
  readonly #consumers = new Map<string, LocalConsumer>();

  /** From now on `consumer` gets the calls of the version with this key. */
  attach(versionKey: string, consumer: LocalConsumer): void {
    this.#consumers.set(versionKey, consumer);
  }

  detach(versionKey: string): void {
    this.#consumers.delete(versionKey);
  }

  /** Takes over a call; it will be settled, whatever happens. */
  submit(invocation: Invocation): void {
    const { key, name, version } = invocation.request.version;
    const consumer = this.#consumers.get(key);
    if (consumer === undefined) {
      invocation.fail(new IdiomError("MODEL_NOT_READY", `model '${name}' version '${version}' is not at ready state: no worker serves it`));
      return;
    }
    consumer.offer(invocation);
  }
}
