// Invocations for unit tests, and what becomes of them.
import { Invocation, type InvocationRequest, type Outcome } from "../../src/core/invocation.ts";
import { modelVersion } from "./specs.ts";

const VERSION = modelVersion();

/** A call of normal priority with one row and 10 bytes, unless said. `outcomes` gets what it is settled with. */
export function invocation(rest: Partial<InvocationRequest> = {}, outcomes: Outcome[] = []): Invocation {
  const request: InvocationRequest = {
    version: VERSION,
    signature: { inputs: [], outputs: [] },
    inputs: [],
    rows: 1,
    bytes: 10,
    mergeKey: "",
    priority: 1,
    ...rest,
  };
  return new Invocation(request, (outcome) => outcomes.push(outcome));
}
