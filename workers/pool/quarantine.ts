// Requests that end the processes that run them, known by fingerprint: the same request again costs no further process.
import { createHash } from "node:crypto";
import type { InvocationRequest } from "../../src/core/invocation.ts";

/** Deaths alone in its frame that make a request poisonous: one may be chance. */
const DEATHS = 2;
/** How long a request is remembered after such a death. */
const REMEMBERED_MS = 10 * 60_000;
const MAX_SUSPECTS = 256;

interface Suspect {
  readonly bytes: number;
  readonly deaths: number;
  readonly reason: string;
  /** ms since 1970. */
  readonly until: number;
}

export interface Verdict {
  /** How the last process that ran the request alone died. */
  readonly reason: string;
  /** For how long it is refused. */
  readonly restMs: number;
}

/** The suspects of one version. Where there are none, which is nearly always, nothing is computed. */
export class Quarantine {
  /** By fingerprint, the one that died least recently first. */
  readonly #suspects = new Map<string, Suspect>();
  /** The sizes of all suspects: a request of another size is none of them. */
  #sizes: ReadonlySet<number> = new Set();
  #nextExpiry = Number.POSITIVE_INFINITY;

  /** A process died with this request alone in its frame; not null when that makes it poisonous. `now` in ms since 1970. */
  died(request: InvocationRequest, reason: string, now: number): Verdict | null {
    const fingerprint = fingerprintOf(request);
    const deaths = (this.#suspects.get(fingerprint)?.deaths ?? 0) + 1;
    this.#suspects.delete(fingerprint);
    const suspect = { bytes: request.bytes, deaths, reason, until: now + REMEMBERED_MS };
    this.#suspects.set(fingerprint, suspect);
    if (this.#suspects.size > MAX_SUSPECTS) this.#suspects.delete(this.#suspects.keys().next().value as string);
    this.#changed();
    return verdictOn(suspect, now);
  }

  /** A process has answered it: what it was suspected of was chance. */
  answered(request: InvocationRequest): void {
    if (this.#sizes.has(request.bytes) && this.#suspects.delete(fingerprintOf(request))) this.#changed();
  }

  /** Null when the request may run. */
  verdict(request: InvocationRequest, now: number): Verdict | null {
    if (now >= this.#nextExpiry) this.#forgetExpired(now);
    if (!this.#sizes.has(request.bytes)) return null;
    const suspect = this.#suspects.get(fingerprintOf(request));
    return suspect === undefined ? null : verdictOn(suspect, now);
  }

  clear(): void {
    this.#suspects.clear();
    this.#changed();
  }

  #forgetExpired(now: number): void {
    for (const [fingerprint, { until }] of this.#suspects) if (until <= now) this.#suspects.delete(fingerprint);
    this.#changed();
  }

  #changed(): void {
    const suspects = [...this.#suspects.values()];
    this.#sizes = new Set(suspects.map(({ bytes }) => bytes));
    this.#nextExpiry = Math.min(Number.POSITIVE_INFINITY, ...suspects.map(({ until }) => until));
  }
}

function verdictOn({ deaths, reason, until }: Suspect, now: number): Verdict | null {
  return deaths < DEATHS ? null : { reason, restMs: until - now };
}

/** Digest over the model's files and the whole input. */
function fingerprintOf({ version, inputs }: InvocationRequest): string {
  const hash = createHash("sha256").update(version.digest);
  hash.update(JSON.stringify(inputs.map(({ datatype, contentType, shape, data }) => [datatype, contentType, shape, data.length])));
  for (const { data } of inputs) hash.update(data);
  return hash.digest("base64");
}
