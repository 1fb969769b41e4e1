// Processes of this program that stand beside each other and share the ports that they open (node:cluster): how one starts them and asks
// them, and how they answer.
import cluster, { type Worker } from "node:cluster";
import { IdiomError } from "../core/errors.ts";
import type { ExitCause } from "./spawn.ts";

/** What a parent may ask of a sibling, by name. Arguments and answers are plain data. */
export type Questions = Record<string, (argument: never) => Promise<unknown>>;

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answered = { readonly id: number } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: IdiomError["code"]; readonly message: string }
);

/** One process, seen from its parent. It ends when its parent does, however that ends. */
export class Sibling<Q extends Questions> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly exited: Promise<ExitCause>;
  #next = 1;

  /** Runs `module`, whose first act is `answerParent`. A connection to a port that several have open goes to each in turn. */
  constructor(module: string) {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: module, args: [], serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#worker = cluster.fork();
    this.#worker.on("message", (message: Answered) => this.#answered(message));
    this.exited = new Promise((resolve) => {
      this.#worker.once("exit", (code: number | null, signal: string | null) => {
        for (const { reject } of this.#waiting.values()) reject(ended());
        this.#waiting.clear();
        resolve({ code, signal: signal as NodeJS.Signals | null });
      });
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  /** @throws IdiomError what the sibling threw, or INTERNAL when it ends before it answers. */
  ask<Name extends keyof Q & string>(name: Name, ...[argument]: Parameters<Q[Name]>): ReturnType<Q[Name]> {
    const id = this.#next++;
    const answer = Promise.withResolvers<unknown>();
    if (this.#worker.isConnected()) {
      this.#waiting.set(id, answer);
      this.#worker.send({ id, name, argument } satisfies Asked);
    } else answer.reject(ended());
    return answer.promise as ReturnType<Q[Name]>;
  }

  kill(signal: NodeJS.Signals): void {
    this.#worker.process.kill(signal);
  }

  #answered(message: Answered): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(new IdiomError(message.code, message.message));
  }
}

function ended(): IdiomError {
  return new IdiomError("INTERNAL", "the process has ended");
}

/** Answers what the parent asks, in the process that it has started. @throws Error in any other */
export function answerParent<Q extends Questions>(questions: Q): void {
  const parent = cluster.worker;
  if (parent === undefined) throw new Error("this module is started by `idiom up --processes`");
  const answer = (message: Answered): void => void (parent.isConnected() && parent.send(message));
  parent.on("message", ({ id, name, argument }: Asked) => {
    const ask = questions[name] as (argument: unknown) => Promise<unknown>;
    ask(argument).then(
      (value) => answer({ id, ok: true, value }),
      (error: unknown) => {
        const { code, message } = IdiomError.from(error);
        answer({ id, ok: false, code, message });
      },
    );
  });
}
