// The newest lines of the log, kept in memory for whoever asks. A reader has a place in the ring and no buffer of its own: one that
// is too slow loses lines and is told how many.
import { levels } from "pino";
import type { LogChunk, LogLine, LogQuery } from "../core/admin.ts";

export interface LogRingLimits {
  readonly maxLines: number;
  /** Of the messages, as UTF-8. */
  readonly maxBytes: number;
}

export const DEFAULT_LOG_LIMITS: LogRingLimits = { maxLines: 10_000, maxBytes: 4 * 2 ** 20 };

/** What a model prints is cut earlier; this holds for the longest traceback. */
const MAX_MESSAGE_LENGTH = 32 * 1024;
/** Lines that a reader gets at once: even the longest stay below a gRPC client's usual limit of 4 MiB. */
const CHUNK_LINES = 32;

interface Entry {
  readonly line: LogLine;
  readonly bytes: number;
  /** How many lines of the same model came before. */
  readonly modelPosition: number;
}

/** A destination for pino. */
export class LogRing {
  /** Who says what is written here. */
  readonly node: string;
  readonly #limits: LogRingLimits;
  /** Line number n lies at n % maxLines. */
  readonly #entries: (Entry | undefined)[];
  /** Lines so far, by model. */
  readonly #modelLines = new Map<string, number>();
  #first = 0;
  #next = 0;
  #bytes = 0;
  #news = Promise.withResolvers<void>();
  #ended = false;

  constructor(node: string, limits: LogRingLimits = DEFAULT_LOG_LIMITS) {
    this.node = node;
    this.#limits = limits;
    this.#entries = new Array(limits.maxLines);
  }

  /** Whether a model of this name has ever said anything. */
  knows(model: string): boolean {
    return this.#modelLines.has(model);
  }

  /** Takes a line as pino writes it. */
  write(json: string): void {
    const { level, time, msg, reason, model, version, instance, stream } = JSON.parse(json) as Record<string, unknown>;
    const message = reason === undefined ? String(msg) : `${msg}: ${reason}`;
    this.append({
      node: this.node,
      timeMs: new Date(time as string | number).getTime(),
      level: levels.labels[level as number] ?? "info",
      model: text(model),
      version: text(version),
      instance: text(instance),
      stream: text(stream),
      message: message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)} [cut]` : message,
    });
  }

  append(line: LogLine): void {
    const bytes = Buffer.byteLength(line.message);
    while (this.#first < this.#next && (this.#next - this.#first >= this.#limits.maxLines || this.#bytes + bytes > this.#limits.maxBytes)) this.#dropFirst();
    const modelPosition = this.#modelLines.get(line.model) ?? 0;
    this.#modelLines.set(line.model, modelPosition + 1);
    this.#entries[this.#next % this.#limits.maxLines] = { line, bytes, modelPosition };
    this.#next++;
    this.#bytes += bytes;
    this.#tell();
  }

  /** Ends every reader that follows; lines are kept. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /**
   * Chunks of the lines asked for; a chunk is made when the reader asks for it. To one that follows, a chunk without lines says that
   * what was kept has been told. Ends with the ring or when `signal` aborts.
   */
  async *tail(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogChunk, void, void> {
    signal.addEventListener("abort", () => this.#tell(), { once: true });
    const end = query.follow ? Number.POSITIVE_INFINITY : this.#next;
    const endPosition = this.#position(query.model);
    let at = this.#placeOf(query);
    /** Position, among the lines asked for, of the one that comes next. */
    let expected = endPosition - this.#matching(query.model, at);
    let keptIsTold = !query.follow;
    while (!signal.aborted) {
      const lines: LogLine[] = [];
      let lost = 0;
      for (at = Math.max(at, this.#first); at < Math.min(end, this.#next) && lines.length < CHUNK_LINES; at++) {
        const { line, modelPosition } = this.#entryAt(at);
        if (query.model !== "" && line.model !== query.model) continue;
        const position = query.model === "" ? at : modelPosition;
        lost += position - expected;
        expected = position + 1;
        lines.push(line);
      }
      if (at >= Math.min(end, this.#next)) {
        const reached = query.follow ? this.#position(query.model) : endPosition;
        lost += reached - expected;
        expected = reached;
      }
      if (lines.length > 0 || lost > 0) yield { lost, lines };
      else if (!query.follow || this.#ended) return;
      else if (!keptIsTold) {
        keptIsTold = true;
        yield { lost, lines };
      } else await this.#news.promise;
    }
  }

  /** Where a reader begins that wants the last lines of what is kept. */
  #placeOf({ model, last }: LogQuery): number {
    let at = this.#next;
    for (let found = 0; at > this.#first && found < last; at--) {
      if (model === "" || this.#entryAt(at - 1).line.model === model) found++;
    }
    return at;
  }

  /** Kept lines from `at` on that are asked for. */
  #matching(model: string, at: number): number {
    if (model === "") return this.#next - at;
    let count = 0;
    for (let i = at; i < this.#next; i++) if (this.#entryAt(i).line.model === model) count++;
    return count;
  }

  /** The position that the next line of `model` will have. */
  #position(model: string): number {
    return model === "" ? this.#next : (this.#modelLines.get(model) ?? 0);
  }

  #entryAt(at: number): Entry {
    return this.#entries[at % this.#limits.maxLines] as Entry;
  }

  #dropFirst(): void {
    this.#bytes -= this.#entryAt(this.#first).bytes;
    this.#entries[this.#first % this.#limits.maxLines] = undefined;
    this.#first++;
  }

  #tell(): void {
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}
