// The log: JSON lines for machines, readable lines at a terminal; always on standard error, so that standard output is data.
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export function createLogger(level: string, tty: boolean = process.stderr.isTTY): Logger {
  if (!tty) return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: process.env["NO_COLOR"] === undefined,
    ignore: "model,version,generation",
    singleLine: true,
    translateTime: "SYS:HH:MM:ss",
  });
  return pino({ level, base: null }, stream);
}
