// The log: JSON lines for machines, readable lines at a terminal, always on standard error, so that standard output is data; and the
// newest lines in memory.
import { type DestinationStream, type Level, type Logger, multistream, pino } from "pino";
import pretty from "pino-pretty";
import type { LogRing } from "./log-ring.ts";

/** `level` is for standard error; the ring has everything from `info` on whatever it is. */
export function createLogger(level: Level | "silent", ring: LogRing, tty: boolean = process.stderr.isTTY): Logger {
  const streams = multistream([
    { level: level === "debug" ? level : "info", stream: ring },
    { level, stream: tty ? terminal() : pino.destination({ dest: 2, sync: true }) },
  ]);
  return pino({ level: level === "debug" ? level : "info", base: { node: ring.node }, ...(tty ? {} : { timestamp: pino.stdTimeFunctions.isoTime }) }, streams);
}

function terminal(): DestinationStream {
  return pretty({
    destination: 2,
    sync: true,
    colorize: process.env["NO_COLOR"] === undefined,
    ignore: "node,model,version,generation",
    singleLine: true,
    translateTime: "SYS:HH:MM:ss",
  });
}
