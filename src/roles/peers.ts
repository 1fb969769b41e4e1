// The other processes of the cluster as the admin service sees them: what they report, and how each is asked.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { LogQuery, NodeAdmin } from "../core/admin.ts";
import { ERRORS, type ErrorCode, IdiomError } from "../core/errors.ts";
import { LEASE_MS } from "../lanes/realtime/membership.ts";
import type { Member } from "../lanes/realtime/node-report.ts";
import { whyFailed } from "../redis/health.ts";
import type { Inbox } from "../redis/inbox.ts";
import type { Others } from "./cluster-admin.ts";
import { LOG_WAIT_MS, NodeAnswers } from "./node-answers.ts";
import { ANSWERS, type Answer, type NodeMessage, parseMessage, type Question } from "./node-messages.ts";
import type { RealtimeRedis } from "./realtime-redis.ts";

/** After a loss of Redis' contents nobody is looked for during a lease. */
const KNOWN_MS = 2 * LEASE_MS;
/** For what a node knows at once. */
const ANSWER_MS = 2000;
/** For what takes as long as the models take; a node that goes meanwhile is noticed by its lease. */
const WORK_MS = 600_000;

interface Pending {
  readonly to: string;
  readonly ask: Question["ask"];
  readonly answered: PromiseWithResolvers<unknown>;
}

export class Peers implements Others {
  readonly #redis: RealtimeRedis;
  readonly #log: Logger;
  readonly #inbox: Inbox;
  readonly #answers: NodeAnswers;
  readonly #pending = new Map<number, Pending>();
  #members: readonly Member[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looked = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #nextId = 1;

  /** `own` answers what the others ask. */
  constructor(own: NodeAdmin, redis: RealtimeRedis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
    this.#answers = new NodeAnswers(own);
    this.#inbox = redis.openInbox((message) => this.#take(message));
    this.#inbox.start();
  }

  /** Those that hold a lease, without this process; none while Redis cannot say. */
  get members(): readonly Member[] {
    return performance.now() - this.#lookedAt < KNOWN_MS ? this.#members : [];
  }

  /** Resolves when another process has come or gone. */
  get membersChanged(): Promise<void> {
    return this.#changed.promise;
  }

  /** Is told who holds a lease; whoever was asked and holds none any more will not answer. */
  seen(members: readonly Member[]): void {
    const before = new Set(this.#members.map(({ id }) => id));
    this.#members = members.filter(({ id }) => id !== this.#redis.id);
    const now = new Set(this.#members.map(({ id }) => id));
    this.#lookedAt = performance.now();
    this.#answers.seen(now);
    for (const { to, answered } of this.#pending.values()) if (!now.has(to)) answered.reject(new IdiomError("NODE_SILENT", "it is gone"));
    this.#looked.resolve();
    this.#looked = Promise.withResolvers();
    if (now.size === before.size && [...now].every((id) => before.has(id))) return;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  node(id: string): NodeAdmin {
    return {
      describe: (name, version) => this.#ask(id, { ask: "describe", name, version }, ANSWER_MS),
      load: () => this.#ask(id, { ask: "load" }, ANSWER_MS),
      drain: () => this.#drain(id),
      reload: (wait) => this.#ask(id, { ask: "reload", wait }, WORK_MS),
      tailLogs: (query, signal) => this.#tailLogs(id, query, signal),
    };
  }

  queued(versions: readonly { readonly key: string; readonly digest: string }[]): Promise<number[]> {
    return Promise.all(versions.map((version) => this.#redis.queueLength(version)));
  }

  async stop(): Promise<void> {
    this.#answers.stop();
    for (const { answered } of this.#pending.values()) answered.reject(new IdiomError("SHUTTING_DOWN", "this process is shutting down"));
    await this.#inbox.stop();
  }

  /** Resolves when the others can see it as well. */
  async #drain(id: string): Promise<void> {
    await this.#ask(id, { ask: "drain" }, WORK_MS);
    const giveUp = delay(ANSWER_MS, "late", { ref: false });
    while (this.#members.some((member) => member.id === id && member.state !== "drained")) {
      if ((await Promise.race([this.#looked.promise, giveUp])) === "late") return;
    }
  }

  async *#tailLogs(id: string, query: LogQuery, signal: AbortSignal) {
    const reader = randomUUID();
    try {
      for (let first = true; !signal.aborted; first = false) {
        const patienceMs = first ? ANSWER_MS : LOG_WAIT_MS + ANSWER_MS;
        const { chunk, ended } = await this.#ask(id, { ask: "logs", reader, first, query }, patienceMs, signal);
        if (ended) return;
        if (chunk !== null) yield chunk;
      }
    } finally {
      this.#ask(id, { ask: "endLogs", reader }, ANSWER_MS).catch(() => {});
    }
  }

  /** @throws IdiomError NODE_SILENT, and what the node refuses. */
  async #ask<Asked extends Question>(to: string, question: Asked, patienceMs: number, signal?: AbortSignal): Promise<Answer<Asked["ask"]>> {
    const { id: from, clock } = this.#redis;
    const id = this.#nextId++;
    const answered = Promise.withResolvers<unknown>();
    const giveUp = (why: string) => (): void => answered.reject(new IdiomError("NODE_SILENT", why));
    const timer = setTimeout(giveUp(`it has not answered within ${patienceMs / 1000} s`), patienceMs);
    const abort = giveUp("nobody waits for it");
    signal?.addEventListener("abort", abort);
    this.#pending.set(id, { to, ask: question.ask, answered });
    try {
      this.#send(to, { kind: "question", id, from, deadline: clock.now() + patienceMs, question }).catch((error: Error) =>
        giveUp(`it cannot be asked: ${whyFailed(error)}`)(),
      );
      return (await answered.promise) as Answer<Asked["ask"]>;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#pending.delete(id);
    }
  }

  #take(text: string): void {
    let message: NodeMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      this.#log.warn({ error: (error as Error).message }, "a message of another process cannot be read; do all run the same Idiom?");
      return;
    }
    if (message.kind === "question") void this.#reply(message);
    else this.#settle(message);
  }

  async #reply({ id, from, deadline, question }: Extract<NodeMessage, { kind: "question" }>): Promise<void> {
    if (deadline < this.#redis.clock.now()) return;
    const reply = await this.#answers.answer(question, from).then(
      (value): NodeMessage => ({ kind: "answer", id, value }),
      (error: unknown): NodeMessage => {
        const { code, message } = IdiomError.from(error);
        return { kind: "refusal", id, code, message };
      },
    );
    // Whoever asked has a deadline of its own.
    this.#send(from, reply).catch(() => {});
  }

  #settle(message: Exclude<NodeMessage, { kind: "question" }>): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === "refusal") {
      const code = Object.hasOwn(ERRORS, message.code) ? (message.code as ErrorCode) : "INTERNAL";
      return pending.answered.reject(new IdiomError(code, message.message));
    }
    const parsed = ANSWERS[pending.ask].safeParse(message.value);
    if (parsed.success) pending.answered.resolve(parsed.data);
    else pending.answered.reject(new IdiomError("NODE_SILENT", "its answer cannot be read; do all nodes run the same Idiom?"));
  }

  #send(to: string, message: NodeMessage): Promise<void> {
    return this.#inbox.send(to, JSON.stringify(message));
  }
}
