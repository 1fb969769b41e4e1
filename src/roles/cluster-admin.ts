// The admin service's backend: what this process and the others of its cluster say together. One that does not answer is named in the
// answer, and the others are heard all the same.
import type {
  AdminBackend,
  LogChunk,
  LogQuery,
  NodeAdmin,
  NodeLoad,
  NodeSummary,
  ReloadOutcome,
  SystemStatus,
  VersionDescription,
  VersionLoad,
  VersionOnNode,
  VersionSummary,
} from "../core/admin.ts";
import { IdiomError } from "../core/errors.ts";
import { type Member, type ReportedVersion, takesWork } from "../lanes/realtime/node-report.ts";
import { VERSION } from "../package-root.ts";
import type { Registry } from "../registry/registry.ts";
import { loadOf } from "../telemetry/request-window.ts";
import { firstLine } from "./cluster-versions.ts";
import { ClusterView, type ViewedVersion } from "./cluster-view.ts";
import { describeEntry } from "./entry-description.ts";
import type { LocalAdmin } from "./local-admin.ts";
import { type LogSource, mergeLogs } from "./log-merge.ts";

/** The other processes; see peers.ts. */
export interface Others {
  readonly members: readonly Member[];
  /** Resolves when another process has come or gone. */
  readonly membersChanged: Promise<void>;
  node(id: string): NodeAdmin;
  /** Requests of each version that wait in Redis. */
  queued(versions: readonly { readonly key: string; readonly digest: string }[]): Promise<number[]>;
}

type Asked<Value> = { readonly node: Member } & ({ readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: IdiomError });

export class ClusterAdmin implements AdminBackend {
  readonly #own: LocalAdmin;
  readonly #registry: Registry;
  readonly #others: Others | null;

  /** `registry` is that of the front doors; `others` null: this process is alone. */
  constructor(own: LocalAdmin, registry: Registry, others: Others | null) {
    this.#own = own;
    this.#registry = registry;
    this.#others = others;
  }

  async listModels(): Promise<VersionSummary[]> {
    return this.#view().versions.map(summaryOf);
  }

  async describeModel(name: string, version: string): Promise<VersionDescription[]> {
    const view = this.#view();
    const versions = view.versions.filter((one) => one.name === name && (version === "" || one.number === version));
    // Says in its own words what there is not.
    if (versions.length === 0) this.#registry.find(name, version);
    const running = view.members.filter((node) => versions.some(({ onNodes }) => onNodes.some((one) => one.node.id === node.id)));
    const asked = await this.#ask(running, (node) => node.describe(name, version));
    return versions.map((one) => describe(one, asked));
  }

  async listNodes(): Promise<NodeSummary[]> {
    await this.#own.probe();
    return this.#view().members.map(nodeSummary);
  }

  async drainNode(name: string): Promise<NodeSummary> {
    const node = this.#view().find(name);
    const [asked] = await this.#ask([node], (admin) => admin.drain());
    if (asked?.ok === false) throw silent(asked.node, asked.error);
    return { ...nodeSummary(this.#view().members.find(({ id }) => id === node.id) ?? node), state: "drained" };
  }

  async reloadModels(wait: boolean): Promise<ReloadOutcome> {
    const workers = this.#view().members.filter(({ role }) => role !== "gateway");
    const serving = workers.filter(takesWork);
    if (workers.length === 0) throw new IdiomError("NODE_NOT_FOUND", "no node runs models; start one with: idiom worker");
    const asked = await this.#ask(serving.length > 0 ? serving : workers, (node) => node.reload(wait));
    const failed = asked.filter((one) => !one.ok);
    if (failed.length === asked.length && failed[0] !== undefined) throw silent(failed[0].node, failed[0].error);
    const changes = asked.flatMap((one) => (one.ok ? one.value.map((change) => ({ ...change, node: one.node.name })) : []));
    return {
      changes: changes.sort((a, b) => a.name.localeCompare(b.name) || Number(b.version) - Number(a.version) || a.node.localeCompare(b.node)),
      problems: failed.map(({ node, error }) => silent(node, error).message),
    };
  }

  async *tailLogs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogChunk, void, void> {
    const read = new AbortController();
    const until = AbortSignal.any([signal, read.signal]);
    const following = new Set<string>();
    const [own, others] = [this.#ownMember(), this.#others];
    const joining = (): LogSource[] => {
      const fresh = this.#view().members.filter(({ id }) => id !== own.id && !following.has(id));
      for (const { id } of fresh) following.add(id);
      return fresh.map((node) => ({ node: node.name, chunks: this.#admin(node).tailLogs(query, until) }));
    };
    const joined = async (): Promise<LogSource[]> => {
      await (others?.membersChanged ?? new Promise(() => {}));
      return joining();
    };
    try {
      const first = { node: this.#view().nameOf(own.id), chunks: this.#own.tailLogs(query, until) };
      yield* mergeLogs(first, joining(), query.follow ? joined : null, until);
    } finally {
      read.abort();
    }
  }

  async status(): Promise<SystemStatus> {
    const view = this.#view();
    const asked = await this.#ask(view.members, (node) => node.load());
    const loads = Map.groupBy(
      asked.flatMap((one) => (one.ok ? one.value : [])),
      ({ key }) => key,
    );
    const queued = (await this.#others?.queued(view.versions).catch(() => null)) ?? [];
    const silentOnes = asked.flatMap((one) => (one.ok ? [] : [silent(one.node, one.error).message]));
    const own = this.#ownMember();
    return {
      accepting: this.#registry.accepting,
      idiomVersion: VERSION,
      uptimeMs: Date.now() - own.startedAtMs,
      nodes: view.members.length,
      problems: [...(this.#registry.obstacle === null ? [] : [this.#registry.obstacle]), ...view.problems, ...silentOnes],
      versions: view.versions.map((version, i) => versionLoad(version, loads.get(version.key) ?? [], queued[i] ?? 0)),
      sandboxes: view.members.flatMap(({ name, sandbox }) => (sandbox === null ? [] : [{ node: name, ...sandbox }])),
    };
  }

  #ownMember(): Member {
    return { ...this.#own.report(), waiting: this.#own.waiting() };
  }

  #view(): ClusterView {
    return new ClusterView([this.#ownMember(), ...(this.#others?.members ?? [])], this.#registry);
  }

  #admin(node: Member): NodeAdmin {
    return this.#others === null || node.id === this.#own.report().id ? this.#own : this.#others.node(node.id);
  }

  /** All at once; each has its answer or why there is none. */
  #ask<Value>(nodes: readonly Member[], question: (node: NodeAdmin) => Promise<Value>): Promise<Asked<Value>[]> {
    return Promise.all(
      nodes.map((node) =>
        question(this.#admin(node)).then(
          (value): Asked<Value> => ({ node, ok: true, value }),
          (error: unknown): Asked<Value> => ({ node, ok: false, error: IdiomError.from(error) }),
        ),
      ),
    );
  }
}

function silent({ name }: Member, { code, message }: IdiomError): IdiomError {
  return new IdiomError(code, code === "NODE_SILENT" ? `node '${name}' does not answer: ${message}` : `node '${name}': ${message}`);
}

function summaryOf(version: ViewedVersion): VersionSummary {
  const sum = (count: (one: ReportedVersion) => number): number => version.onNodes.reduce((total, one) => total + count(one.version), 0);
  return {
    name: version.name,
    version: version.number,
    runtime: version.runtime,
    state: version.state,
    reason: version.reason,
    digest: version.digest,
    readyInstances: sum((one) => one.readyInstances),
    instances: sum((one) => one.instances),
    update: version.onNodes.find((one) => one.version.update !== null)?.version.update ?? null,
    readyNodes: version.readyNodes,
  };
}

/** Where nobody answers, what this process knows of a version that runs elsewhere stands in. */
function describe(version: ViewedVersion, asked: readonly Asked<VersionDescription[]>[]): VersionDescription {
  const answers = asked.flatMap((one) => (one.ok ? one.value.map((description) => ({ node: one.node, description })) : []));
  const ofThis = answers.filter(({ description }) => description.summary.version === version.number);
  const serving = ofThis.find(({ description: { summary } }) => summary.state === "ready" && summary.digest === version.digest);
  return {
    ...((serving ?? ofThis[0])?.description ?? describeEntry(version.entry)),
    summary: summaryOf(version),
    instances: ofThis.flatMap(({ node, description }) => description.instances.map((instance) => ({ ...instance, node: node.name }))),
    nodes: version.onNodes.map((one) => onNode(one, version, asked)),
  };
}

function onNode({ node, version }: ViewedVersion["onNodes"][number], { digest }: ViewedVersion, asked: readonly Asked<unknown>[]): VersionOnNode {
  const answer = asked.find((one) => one.node.id === node.id);
  const notes = [
    node.state === "serving" ? firstLine(version.reason) : "",
    digest !== "" && version.digest !== "" && version.digest !== digest ? "it has other files than those that serve" : "",
    answer?.ok === false ? silent(node as Member, answer.error).message : "",
  ];
  return {
    node: node.name,
    state: node.state !== "serving" ? node.state : version.state === "foreign" ? "failed" : version.state,
    slots: takesWork(node) ? version.slots : 0,
    digest: version.digest,
    environment: version.environment,
    reason: notes.filter((text) => text !== "").join("; "),
  };
}

function nodeSummary({ name, state, role, idiom, startedAtMs, host, pid, runtimes, versions, waiting }: Member): NodeSummary {
  const sum = (count: (version: ReportedVersion) => number): number => versions.reduce((total, version) => total + count(version), 0);
  return {
    name,
    state,
    role,
    idiomVersion: idiom,
    startedAtMs,
    host,
    pid,
    runtimes,
    readyInstances: sum((version) => version.readyInstances),
    instances: sum((version) => version.instances),
    waiting,
  };
}

function versionLoad(version: ViewedVersion, loads: readonly NodeLoad[], queued: number): VersionLoad {
  const { readyInstances, instances } = summaryOf(version);
  return {
    name: version.name,
    version: version.number,
    state: version.state,
    ...loadOf(loads.flatMap(({ requests }) => (requests === null ? [] : [requests]))),
    waiting: loads.reduce((sum, { waiting }) => sum + waiting, queued),
    readyInstances,
    instances,
  };
}
