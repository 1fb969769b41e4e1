// Answers what other processes ask this one.
import { setTimeout as delay } from "node:timers/promises";
import type { LogChunk, LogQuery, NodeAdmin } from "../core/admin.ts";
import { IdiomError } from "../core/errors.ts";
import type { Answer, Question } from "./node-messages.ts";

/** A reader of the log for whom nothing comes is told so after this time: both sides then know that the other is there. */
export const LOG_WAIT_MS = 5000;

interface Reader {
  /** The process that asks. */
  readonly from: string;
  readonly chunks: AsyncIterator<LogChunk>;
  readonly gone: AbortController;
  /** What it waits for; kept when nothing has come, for its next question. */
  next: Promise<IteratorResult<LogChunk>> | null;
}

export class NodeAnswers {
  readonly #own: NodeAdmin;
  readonly #readers = new Map<string, Reader>();

  constructor(own: NodeAdmin) {
    this.#own = own;
  }

  /** `from`: the process that asks. @throws IdiomError what this process refuses */
  async answer(question: Question, from: string): Promise<Answer<Question["ask"]>> {
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
        if (question.first) this.#open(question.reader, from, question.query);
        return this.#nextLogs(question.reader);
      case "endLogs":
        this.#end(question.reader);
        return null;
    }
  }

  /** Only these processes are there still; the others read no more. */
  seen(members: ReadonlySet<string>): void {
    for (const [name, { from }] of this.#readers) if (!members.has(from)) this.#end(name);
  }

  stop(): void {
    this.seen(new Set());
  }

  #open(name: string, from: string, query: LogQuery): void {
    const gone = new AbortController();
    const chunks = this.#own.tailLogs(query, gone.signal)[Symbol.asyncIterator]();
    this.#readers.set(name, { from, chunks, gone, next: null });
  }

  async #nextLogs(name: string): Promise<Answer<"logs">> {
    const reader = this.#readers.get(name);
    // Begun anew, it would be told again what it has heard.
    if (reader === undefined) throw new IdiomError("NODE_SILENT", "it was out of reach, and has forgotten who read its log");
    reader.next ??= reader.chunks.next();
    const waited = new AbortController();
    try {
      const result = await Promise.race([reader.next, delay(LOG_WAIT_MS, null, { signal: waited.signal })]);
      if (result === null) return { chunk: null, ended: false };
      reader.next = null;
      if (result.done !== true) return { chunk: result.value as Answer<"logs">["chunk"], ended: false };
      this.#end(name);
      return { chunk: null, ended: true };
    } catch (error) {
      this.#end(name);
      throw error;
    } finally {
      waited.abort();
    }
  }

  #end(name: string): void {
    this.#readers.get(name)?.gone.abort();
    this.#readers.delete(name);
  }
}
