// Answers what other processes ask this one.
import { setTimeout as delay } from "node:timers/promises";
import type { LogChunk, LogQuery, NodeAdmin } from "../core/admin.ts";
import type { Answer, Question } from "./node-messages.ts";

/** A reader of the log for whom nothing comes is told so after this time: both sides then know that the other is there. */
export const LOG_WAIT_MS = 5000;
/** A reader that has not asked for so long is gone. */
const READER_GONE_MS = 3 * LOG_WAIT_MS;

interface Reader {
  readonly chunks: AsyncIterator<LogChunk>;
  readonly gone: AbortController;
  /** What it waits for; kept when nothing has come, for its next question. */
  next: Promise<IteratorResult<LogChunk>> | null;
  timer: NodeJS.Timeout;
}

export class NodeAnswers {
  readonly #own: NodeAdmin;
  readonly #readers = new Map<string, Reader>();

  constructor(own: NodeAdmin) {
    this.#own = own;
  }

  /** @throws IdiomError what the process itself refuses */
  async answer(question: Question): Promise<Answer<Question["ask"]>> {
    switch (question.ask) {
      case "describe":
        return (await this.#own.describe(question.name, question.version)) as Answer<"describe">;
      case "load":
        return (await this.#own.load()) as Answer<"load">;
      case "drain":
        await this.#own.drain();
        return null;
      case "reload":
        return this.#own.reload(question.wait);
      case "logs":
        return this.#nextLogs(question.reader, question.query);
      case "endLogs":
        this.#end(question.reader);
        return null;
    }
  }

  stop(): void {
    for (const name of [...this.#readers.keys()]) this.#end(name);
  }

  async #nextLogs(name: string, query: LogQuery): Promise<Answer<"logs">> {
    const reader = this.#readers.get(name) ?? this.#open(name, query);
    clearTimeout(reader.timer);
    reader.next ??= reader.chunks.next();
    const waited = new AbortController();
    try {
      const result = await Promise.race([reader.next, delay(LOG_WAIT_MS, null, { signal: waited.signal })]);
      if (result === null) {
        reader.timer = this.#endLater(name);
        return { chunk: null, ended: false };
      }
      reader.next = null;
      if (result.done === true) this.#end(name);
      else reader.timer = this.#endLater(name);
      return { chunk: result.done === true ? null : (result.value as NonNullable<Answer<"logs">["chunk"]>), ended: result.done === true };
    } catch (error) {
      this.#end(name);
      throw error;
    } finally {
      waited.abort();
    }
  }

  #open(name: string, query: LogQuery): Reader {
    const gone = new AbortController();
    const chunks = this.#own.tailLogs(query, gone.signal)[Symbol.asyncIterator]();
    const reader = { chunks, gone, next: null, timer: this.#endLater(name) };
    this.#readers.set(name, reader);
    return reader;
  }

  #end(name: string): void {
    const reader = this.#readers.get(name);
    if (reader === undefined) return;
    this.#readers.delete(name);
    clearTimeout(reader.timer);
    reader.gone.abort();
  }

  #endLater(name: string): NodeJS.Timeout {
    return setTimeout(() => this.#end(name), READER_GONE_MS).unref();
  }
}
