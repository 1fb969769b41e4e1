// Who tried to get in without a good key: logged, and answered ever more slowly. A good key is never slowed, so nobody is locked out by a neighbour.
import type { Logger } from "pino";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;
/** A peer that tried nothing for so long begins anew. */
const FORGET_MS = 60_000;
/** Beyond this many peers the oldest is forgotten. */
const MAX_PEERS = 10_000;
/** Answers that wait at a time; beyond, they go out at once: memory matters more. */
const MAX_WAITING = 1000;

interface Peer {
  attempts: number;
  lastAt: number;
}

export class FailedAttempts {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #peers = new Map<string, Peer>();
  #waiting = 0;

  /** `now` in ms. */
  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Counts one, and calls `answer` when its answer may go out. `why` never holds the key. */
  add(address: string, why: string, answer: () => void): void {
    const delayMs = this.#count(address, why);
    if (this.#waiting >= MAX_WAITING) return answer();
    this.#waiting++;
    setTimeout(() => {
      this.#waiting--;
      answer();
    }, delayMs).unref();
  }

  /** How long the answer is to wait, in ms. */
  #count(address: string, why: string): number {
    const now = this.#now();
    const known = this.#peers.get(address);
    const peer = known === undefined || now - known.lastAt > FORGET_MS ? { attempts: 0, lastAt: now } : known;
    peer.attempts++;
    peer.lastAt = now;
    // Last in the order of the map: what is first was heard of least lately.
    this.#peers.delete(address);
    this.#peers.set(address, peer);
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > MAX_PEERS && oldest !== undefined) this.#peers.delete(oldest);
    // The 1st, 2nd, 4th, 8th ...: whoever tries for hours fills no log.
    if ((peer.attempts & (peer.attempts - 1)) === 0) this.#log.warn({ peer: address, attempts: peer.attempts }, `refused at the door: ${why}`);
    return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (peer.attempts - 1));
  }
}
