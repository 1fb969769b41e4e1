// Which queue in Redis a call waits in. Rows of jobs have one of their own: they fill nobody else's, and hold up no call.
import { BATCH_PRIORITY, type InvocationRequest, type Priority } from "../../core/invocation.ts";
import type { ModelVersion } from "../../core/model.ts";
import type { QueueName } from "../../redis/keys.ts";

/** Half of those that name a queue. */
const ENVIRONMENT_DIGITS = 8;

export interface QueuePlace {
  readonly queue: QueueName;
  readonly priority: Priority;
}

/** The queue of rows of jobs: one for each environment, so that no node takes what was submitted for another. */
export function batchQueueOf({ key, digest }: ModelVersion, environment: string): QueueName {
  return { key: `${key}:batch`, digest: `${environment.slice(0, ENVIRONMENT_DIGITS)}${digest}` };
}

export function queuePlaceOf({ version, priority, environment = "" }: InvocationRequest): QueuePlace {
  return priority === BATCH_PRIORITY ? { queue: batchQueueOf(version, environment), priority: 1 } : { queue: version, priority };
}
