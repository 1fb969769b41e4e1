// Signals by the numbers that this machine has for them.
import { constants } from "node:os";

/** Where a number has two names, the first is the usual one: SIGABRT, not SIGIOT. */
const NAMES = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** Undefined where no signal has this number. */
export function signalOf(number: number): NodeJS.Signals | undefined {
  return NAMES.get(number);
}
