// The life of an instance as data: a union of states, the events that move it, and one pure transition function.

export interface SupervisionPolicy {
  /** First delay between a repeated crash and the next start; doubles with each further one. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** This many crashes open the breaker: of the model's own doing within the window, or any in a row. */
  readonly breakerCrashes: number;
  readonly breakerWindowMs: number;
  /** How long a quarantined instance rests before it is tried again. */
  readonly quarantineMs: number;
}

export const DEFAULT_POLICY: SupervisionPolicy = {
  backoffMinMs: 100,
  backoffMaxMs: 30_000,
  breakerCrashes: 5,
  breakerWindowMs: 60_000,
  quarantineMs: 30_000,
};

export type InstanceState =
  /** A process was started; its HELLO is awaited. No user code has run. */
  | { readonly name: "starting" }
  /** INIT was sent; the model is loading. */
  | { readonly name: "loading" }
  | { readonly name: "ready" }
  /** Finishes what runs, takes nothing new. */
  | { readonly name: "draining" }
  /** Crashed; will be started again after the delay. */
  | { readonly name: "backoff"; readonly delayMs: number; readonly reason: string }
  /** Crashes too often; rests, then is tried once more. */
  | { readonly name: "quarantined"; readonly delayMs: number; readonly reason: string }
  /** The model cannot be loaded as it is. Final. */
  | { readonly name: "failed"; readonly reason: string }
  /** Ended on purpose. Final. */
  | { readonly name: "stopped" };

/**
 * Whose doing the end of a process was: the model's own, ours (`host`; also a signal from elsewhere to one that serves, while nothing ran), a signal from
 * elsewhere (`unknown`), or that of a request that was suspected of ending processes already.
 */
export type ExitBlame = "model" | "host" | "unknown" | "request";

export type InstanceEvent =
  | { readonly name: "hello" }
  | { readonly name: "ready" }
  | { readonly name: "answered" }
  | { readonly name: "load-failed"; readonly reason: string }
  | { readonly name: "exited"; readonly reason: string; readonly blame: ExitBlame }
  | { readonly name: "rested" }
  | { readonly name: "drain" };

/** Everything that the next transition depends on. */
export interface Supervision {
  readonly state: InstanceState;
  /** Counts starts; identifies a process, which a pid does not. */
  readonly generation: number;
  /** Whether this generation has answered a frame. */
  readonly answered: boolean;
  /** It was quarantined and has not answered since: its next crash leads back there. */
  readonly probing: boolean;
  /** Crashes in a row, without an answer between them; those that a request is to blame for count half. */
  readonly crashesInRow: number;
  /** Times (ms) of the crashes that the model caused. */
  readonly crashTimes: readonly number[];
}

export const INITIAL: Supervision = { state: { name: "starting" }, generation: 1, answered: false, probing: false, crashesInRow: 0, crashTimes: [] };

/**
 * The one place where an instance changes its state. An event that means nothing in the current state changes nothing.
 * `now` is in ms, `random` in [0, 1) spreads the restarts.
 */
export function transition(from: Supervision, event: InstanceEvent, policy: SupervisionPolicy, now: number, random: number): Supervision {
  switch (from.state.name) {
    case "failed":
    case "stopped":
      return from;
    case "backoff":
    case "quarantined":
      if (event.name === "rested") {
        const probing = from.probing || from.state.name === "quarantined";
        return { ...from, state: { name: "starting" }, generation: from.generation + 1, answered: false, probing };
      }
      return event.name === "drain" ? { ...from, state: { name: "stopped" } } : from;
    case "draining":
      return event.name === "exited" ? { ...from, state: { name: "stopped" } } : from;
    case "starting":
    case "loading":
    case "ready":
      return whileAlive(from, event, policy, now, random);
  }
}

function whileAlive(from: Supervision, event: InstanceEvent, policy: SupervisionPolicy, now: number, random: number): Supervision {
  switch (event.name) {
    case "hello":
      return from.state.name === "starting" ? { ...from, state: { name: "loading" } } : from;
    case "ready":
      return from.state.name === "loading" ? { ...from, state: { name: "ready" } } : from;
    case "answered":
      return from.answered ? from : { ...from, answered: true, probing: false, crashesInRow: 0 };
    case "load-failed":
      return from.state.name === "ready" ? from : { ...from, state: { name: "failed", reason: event.reason } };
    case "drain":
      return { ...from, state: { name: "draining" } };
    case "exited":
      return crashed(from, event, policy, now, random);
    case "rested":
      return from;
  }
}

function crashed(from: Supervision, event: Extract<InstanceEvent, { name: "exited" }>, policy: SupervisionPolicy, now: number, random: number): Supervision {
  if (event.blame === "host") return { ...from, state: { name: "backoff", delayMs: 0, reason: event.reason } };
  const recent = from.crashTimes.filter((time) => now - time < policy.breakerWindowMs);
  const crashTimes = event.blame === "model" ? [...recent, now] : recent;
  const crashesInRow = from.crashesInRow + (event.blame === "request" ? 0.5 : 1);
  // Crashes in a row count however far apart they are: a model that takes a minute to fail would never trip the window.
  if (from.probing || crashTimes.length >= policy.breakerCrashes || crashesInRow >= policy.breakerCrashes) {
    const reason = `it ends again and again, and is tried every ${policy.quarantineMs / 1000} s only; the last time: ${event.reason}`;
    return { ...from, crashTimes, crashesInRow, state: { name: "quarantined", delayMs: policy.quarantineMs, reason } };
  }
  return { ...from, crashTimes, crashesInRow, state: { name: "backoff", delayMs: backoffDelay(crashesInRow, policy, random), reason: event.reason } };
}

/** The first crash after an answer restarts at once; each further one in a row waits twice as long, less up to half by chance. */
function backoffDelay(crashesInRow: number, policy: SupervisionPolicy, random: number): number {
  if (crashesInRow <= 1) return 0;
  const full = Math.min(policy.backoffMaxMs, policy.backoffMinMs * 2 ** (crashesInRow - 2));
  return full * (1 - random / 2);
}
