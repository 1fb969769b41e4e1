// Which queue in Redis a call waits in. Rows of jobs have one of their own: they fill nobody else's, and hold up no call.
import { BATCH_PRIORITY, type InvocationRequest, type Priority } from "../../core/invocation.ts";
import type { ModelVersion } from "../../core/model.ts";
import type { QueueName } from "../../redis/keys.ts";

export interface QueuePlace {
  readonly queue: QueueName;
  readonly priority: Priority;
}

const batchQueues = new WeakMap<ModelVersion, QueueName>();

/** The queue of rows of jobs; the same object for the same version. */
export function batchQueueOf(version: ModelVersion): QueueName {
  const known = batchQueues.get(version);
  if (known !== undefined) return known;
  const queue = { key: `${version.key}:batch`, digest: version.digest };
  batchQueues.set(version, queue);
  return queue;
}

export function queuePlaceOf({ version, priority }: InvocationRequest): QueuePlace {
  return priority === BATCH_PRIORITY ? { queue: batchQueueOf(version), priority: 1 } : { queue: version, priority };
}
