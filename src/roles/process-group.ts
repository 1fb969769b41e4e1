// The processes of `idiom up --processes N`: started together, restarted when they die, stopped in order, and asked as if they were one.
import { extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { type HealthReport, mergeHealth, type ProcessHealth } from "../core/health.ts";
import { Sibling } from "../process/siblings.ts";
import type { MetricValues } from "../telemetry/metrics.ts";
import { MetricsSum } from "../telemetry/metrics-sum.ts";
import { mergeSummaries, type VersionSummary } from "./summary.ts";
import type { UpQuestions } from "./up-process.ts";

const MODULE = join(import.meta.dirname, `up-process${extname(import.meta.filename)}`);
/** The first restart is at once, later ones after this time, doubling. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;
/** A process that lived this long starts the count anew. */
const LIVED_MS = 30_000;
/** A process that has not answered by then is busy or stuck: the others' answers go out without its own. */
const ASK_TIMEOUT_MS = 1000;
/** Beyond the time for draining, for what a stop does besides. */
const STOP_GRACE_MS = 5000;

/** One of N processes, through all its lives. */
interface Place {
  readonly name: string;
  /** Null between two lives. */
  process: Sibling<UpQuestions> | null;
  /** What it had counted when it was last asked. */
  counted: MetricValues;
  /** Resolves when the models of one of its lives have settled. */
  readonly settled: PromiseWithResolvers<void>;
}

export class ProcessGroup {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #places: readonly Place[];
  readonly #metrics = new MetricsSum();
  readonly #stopping = new AbortController();
  readonly #kept: Promise<void>[] = [];

  /** `config` is that of each process; it names the Redis where they meet. */
  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#places = Array.from({ length: config.processes }, (_, i) => ({
      name: `${config.nodeName}-${i + 1}`,
      process: null,
      counted: [],
      settled: Promise.withResolvers<void>(),
    }));
  }

  /** Starts all and resolves to the gRPC port. @throws IdiomError what any of them cannot start for */
  async start(): Promise<number> {
    const first = this.#places.map((place) => this.#launch(place, false));
    try {
      const ports = await Promise.all(first.map(({ port }) => port));
      this.#places.forEach((place, i) => void this.#kept.push(this.#keep(place, first[i] as Life)));
      return ports[0] as number;
    } catch (error) {
      for (const { sibling } of first) sibling.kill("SIGKILL");
      await Promise.all(first.map(({ sibling }) => sibling.exited));
      throw error;
    }
  }

  /** Resolves when the models of every process have settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#places.map(({ settled }) => settled.promise));
  }

  async summary(): Promise<VersionSummary[]> {
    const summaries = await Promise.all(this.#places.map(({ process }) => process?.ask("summary").catch(() => []) ?? []));
    return mergeSummaries(summaries);
  }

  async health(): Promise<HealthReport> {
    const answers = await this.#ask((process) => process.ask("health"));
    const processes = this.#places.map((place, i): ProcessHealth => {
      const status = place.process === null ? "restarting" : (answers[i]?.status ?? "starting");
      return { name: place.name, pid: place.process?.pid ?? 0, status };
    });
    return { ...mergeHealth(answers.filter((answer) => answer !== null)), processes };
  }

  /** In the Prometheus text format. */
  async metrics(): Promise<string> {
    const answers = await this.#ask((process) => process.ask("metrics"));
    this.#places.forEach((place, i) => {
      if (place.process !== null) place.counted = answers[i] ?? place.counted;
    });
    return this.#metrics.render(this.#places.map(({ counted }) => counted));
  }

  /** All but one at the same time, then the last: until then what they pass on through Redis finds somebody. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const [last, ...others] = this.#places;
    await Promise.all(others.map((place) => this.#stop(place, true)));
    if (last !== undefined) await this.#stop(last, false);
    await Promise.all(this.#kept);
  }

  /** By place; null where no answer came in time. */
  #ask<Answer>(question: (process: Sibling<UpQuestions>) => Promise<Answer>): Promise<(Answer | null)[]> {
    return Promise.all(
      this.#places.map(({ process }) =>
        process === null ? null : Promise.race([question(process).catch(() => null), delay(ASK_TIMEOUT_MS, null, { ref: false })]),
      ),
    );
  }

  #launch(place: Place, late: boolean): Life {
    const sibling = new Sibling<UpQuestions>(MODULE);
    place.process = sibling;
    const port = sibling.ask("start", { config: { ...this.#config, nodeName: place.name }, late });
    port
      .then(() => sibling.ask("settled"))
      .then(
        () => place.settled.resolve(),
        () => {},
      );
    return { sibling, port, startedAt: performance.now() };
  }

  /** Follows one life of the process after the other, until the group stops. */
  async #keep(place: Place, first: Life): Promise<void> {
    let deaths = 0;
    for (let life = first; ; life = this.#launch(place, true)) {
      life.port.catch(({ message }: Error) => this.#log.error({ process: place.name }, `it could not start: ${message}`));
      const { code, signal } = await life.sibling.exited;
      place.process = null;
      const { counted } = place;
      place.counted = [];
      await this.#metrics.keep(counted);
      if (this.#stopping.signal.aborted) return;
      deaths = performance.now() - life.startedAt > LIVED_MS ? 1 : deaths + 1;
      const waitMs = deaths === 1 ? 0 : Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (deaths - 2));
      this.#log.error({ process: place.name }, `it ended (${signal ?? `exit code ${code}`}); the next one starts ${waitMs === 0 ? "now" : `in ${waitMs} ms`}`);
      await delay(waitMs, null, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
    }
  }

  async #stop({ process }: Place, passOn: boolean): Promise<void> {
    if (process === null) return;
    const late = setTimeout(() => process.kill("SIGKILL"), this.#config.drainTimeoutMs + STOP_GRACE_MS);
    await process.ask("stop", { passOn }).catch(() => {});
    process.kill("SIGTERM");
    await process.exited;
    clearTimeout(late);
  }
}

/** One process from its start to its end. */
interface Life {
  readonly sibling: Sibling<UpQuestions>;
  readonly port: Promise<number>;
  readonly startedAt: number;
}
