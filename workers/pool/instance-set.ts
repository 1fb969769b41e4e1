// The instances of one version on a node: which comes when work waits, which leaves when it idles or has served its time.
import type { Logger } from "pino";
import type { ModelVersion, Recycle } from "../../src/core/model.ts";
import { residentBytes } from "../../src/process/proc.ts";
import { Instance, type InstanceHooks, type PreparedVersion } from "../instance/instance.ts";
import type { InstanceState } from "../instance/state.ts";
import type { Launcher } from "../sandbox/launcher.ts";
import { VersionLauncher } from "../zygote/version-launcher.ts";
import type { Capacity, SeatHolder } from "./capacity.ts";

export interface InstanceSetDependencies {
  readonly prepared: PreparedVersion;
  /** The version has been ready before: `min: 0` begins without an instance. */
  readonly known: boolean;
  readonly launcher: Launcher;
  readonly capacity: Capacity;
  /** An instance beyond `instances.min` leaves after so long without work. */
  readonly idleAfterMs: number;
  readonly hooks: Omit<InstanceHooks, "stateChanged" | "siblingAnswered" | "wasReady">;
  readonly log: Logger;
  stateChanged(from: InstanceState, to: InstanceState): void;
  /** There may be room on the node for an instance that there was none for. */
  roomMayBeFree(): void;
}

/** After a replacement that did not become ready, the old instance serves on for so long before another is tried. */
const REPLACE_AGAIN_MS = 60_000;
/** After a further instance that crashed again and again, those that serve do without another for so long. */
const GROW_AGAIN_MS = 60_000;

export class InstanceSet implements SeatHolder {
  readonly #dependencies: InstanceSetDependencies;
  readonly #version: ModelVersion;
  readonly #launcher: VersionLauncher;
  /** In the order in which they came; who leaves is there until it has ended. */
  #all: readonly Instance[] = [];
  /** Those that are not leaving. */
  #staying: readonly Instance[] = [];
  readonly #seated = new Set<Instance>();
  #replacement: { readonly old: Instance; readonly next: Instance } | null = null;
  #replaceNotBefore = Number.NEGATIVE_INFINITY;
  #growNotBefore = Number.NEGATIVE_INFINITY;
  #nextIndex = 1;
  /** The signature is known: from an instance that was ready, or from an earlier life of the node. */
  #known: boolean;
  #wasReady = false;
  #closed = false;

  constructor(dependencies: InstanceSetDependencies) {
    this.#dependencies = dependencies;
    this.#version = dependencies.prepared.version;
    const { prepared, launcher, log } = dependencies;
    const { name, version } = this.#version;
    this.#launcher = new VersionLauncher(launcher, prepared.forks, log.child({ model: name, version }));
    this.#known = dependencies.known;
  }

  get all(): readonly Instance[] {
    return this.#all;
  }

  /** Instances that serve or will. */
  get size(): number {
    return this.#staying.length;
  }

  get ready(): number {
    return this.#staying.filter(({ state }) => state.name === "ready").length;
  }

  /** Nothing that could answer is left, and nothing will come by itself. */
  get hopeless(): boolean {
    return this.#staying.length > 0 && this.#staying.every((instance) => this.#isBroken(instance));
  }

  /** `min: 0`: nothing runs that is not needed, and what is needed starts. */
  get dormant(): boolean {
    const starts = ({ generation, state }: Instance): boolean => generation === 1 && (state.name === "starting" || state.name === "loading");
    return this.#min === 0 && !this.#closed && this.#staying.every(starts);
  }

  /** The version may have one more, as far as it is concerned: all that it has are ready. */
  get mayGrow(): boolean {
    if (this.#closed || this.#staying.length >= this.#version.manifest.instances.max) return false;
    if (this.#staying.length === 0) return true;
    return this.ready === this.#staying.length && performance.now() >= this.#growNotBefore;
  }

  /** Whether the node has room for one more, or somebody who gives way. */
  get hasRoom(): boolean {
    return this.#dependencies.capacity.mayFit(this.#memoryBytes);
  }

  start(): void {
    this.#dependencies.capacity.join(this);
    this.#fill();
  }

  /** Starts one more if there is room; otherwise `roomMayBeFree` will tell. */
  grow(): void {
    this.#add();
  }

  /** What time asks for; called once a second. `now` as performance.now(). */
  look(now: number): void {
    for (const instance of this.#staying) instance.look(now);
    if (this.#closed || this.#replacement !== null) return;
    if (this.#wasReady) this.#tryFailedAgain();
    const worn = this.#worn(now);
    if (worn !== null) return this.#replace(worn.instance, worn.why);
    for (const instance of this.#staying.toReversed()) {
      if (this.#staying.length <= this.#min) return;
      if (this.#isBroken(instance) && this.ready >= Math.max(1, this.#min)) {
        this.#growNotBefore = now + GROW_AGAIN_MS;
        this.#letGo(instance, "others serve, and it does not");
      } else if (instance.idle && this.ready > this.#min && now - instance.idleSince >= this.#dependencies.idleAfterMs) this.#letGo(instance, "idle");
    }
  }

  get spareForMs(): number | null {
    const spare = this.#spare();
    return spare === null ? null : performance.now() - spare.idleSince;
  }

  giveWay(): void {
    const spare = this.#spare();
    if (spare !== null) this.#letGo(spare, "another version needs the room");
  }

  /** Resolves when nothing runs any more, after the last instance has ended. */
  gone(): Promise<void> {
    return this.#launcher.rest();
  }

  /** No instance comes any more. */
  close(): void {
    this.#closed = true;
    this.#dependencies.capacity.leave(this);
  }

  get #min(): number {
    return this.#version.manifest.instances.min;
  }

  get #memoryBytes(): number {
    return this.#version.manifest.limits.memoryBytes;
  }

  /** Others of the version have come up since: what these failed for may have passed. */
  #tryFailedAgain(): void {
    const failed = this.#staying.filter(({ state }) => state.name === "failed");
    for (const instance of failed) this.#letGo(instance, "it is tried again");
    if (failed.length > 0) this.#fill();
  }

  #isBroken({ state }: Instance): boolean {
    return state.name === "failed" || state.name === "quarantined";
  }

  /** What does not serve, before what does; never one that those who serve cannot do without. */
  #spare(): Instance | null {
    if (this.#closed || this.#replacement !== null || this.#staying.length <= this.#min) return null;
    const broken = this.#staying.findLast(({ state }) => state.name === "quarantined");
    if (broken !== undefined) return broken;
    return this.ready > this.#min ? (this.#staying.findLast((instance) => instance.idle) ?? null) : null;
  }

  /** Starts what is missing of `instances.min`, and at least one until the version has been ready: the first tells the signature. */
  #fill(): void {
    const least = this.#known ? this.#min : Math.max(1, this.#min);
    while (this.#staying.length < least && this.#add() !== null);
  }

  #add(): Instance | null {
    const { capacity, prepared, hooks, log } = this.#dependencies;
    if (this.#closed || !capacity.take(this.#memoryBytes, this.#roomMayBeFree)) return null;
    const instance: Instance = new Instance(
      this.#nextIndex++,
      prepared,
      this.#launcher,
      {
        ...hooks,
        stateChanged: (from, to) => this.#stateChanged(instance, from, to),
        wasReady: () => this.#wasReady,
        siblingAnswered: (since) => this.#all.some((other) => other !== instance && other.requests > 0 && other.idleSince >= since),
      },
      log,
    );
    this.#seated.add(instance);
    this.#all = [...this.#all, instance];
    this.#staying = [...this.#staying, instance];
    instance.start();
    return instance;
  }

  readonly #roomMayBeFree = (): void => {
    this.#fill();
    this.#dependencies.roomMayBeFree();
  };

  #letGo(instance: Instance, why: string): void {
    this.#staying = this.#staying.filter((other) => other !== instance);
    this.#dependencies.log.debug({ instance: instance.name }, `instance leaves: ${why}`);
    if (instance.state.name === "failed") this.#all = this.#all.filter((other) => other !== instance);
    instance.drain();
  }

  #stateChanged(instance: Instance, from: InstanceState, to: InstanceState): void {
    if (to.name === "ready") this.#known = this.#wasReady = true;
    if (to.name === "stopped" || to.name === "failed") this.#ended(instance, to.name === "stopped");
    if (this.#replacement !== null) this.#replacing(this.#replacement, instance, to);
    this.#dependencies.stateChanged(from, to);
  }

  /** One that failed keeps its place, so that everybody sees why. */
  #ended(instance: Instance, forget: boolean): void {
    if (this.#seated.delete(instance)) this.#dependencies.capacity.release(this.#memoryBytes);
    if (this.#seated.size === 0) void this.#launcher.rest();
    if (!forget) return;
    this.#all = this.#all.filter((other) => other !== instance);
    this.#staying = this.#staying.filter((other) => other !== instance);
  }

  #worn(now: number): { readonly instance: Instance; readonly why: string } | null {
    const { recycle } = this.#version.manifest.instances;
    if (recycle === null || now < this.#replaceNotBefore) return null;
    for (const instance of this.#staying) {
      const why = instance.state.name === "ready" ? whyWorn(instance, recycle, now) : null;
      if (why !== null) return { instance, why };
    }
    return null;
  }

  /** A new one becomes ready first. Where the node has no room for both, the new one comes once the old one has ended. */
  #replace(old: Instance, why: string): void {
    this.#dependencies.log.info({ instance: old.name }, `instance is replaced: ${why}`);
    const next = this.#add();
    if (next === null) this.#letGo(old, why);
    else this.#replacement = { old, next };
  }

  #replacing({ old, next }: { readonly old: Instance; readonly next: Instance }, instance: Instance, to: InstanceState): void {
    if (instance === next && to.name === "ready") {
      this.#replacement = null;
      this.#letGo(old, "replaced");
    } else if (instance === next && to.name !== "starting" && to.name !== "loading") {
      this.#replacement = null;
      this.#replaceNotBefore = performance.now() + REPLACE_AGAIN_MS;
      this.#dependencies.log.warn(
        { instance: next.name, reason: "reason" in to ? to.reason : to.name },
        "the replacement did not become ready; the old instance serves on",
      );
      this.#letGo(next, "not needed");
    }
  }
}

function whyWorn(instance: Instance, { requests, ageMs, memoryBytes }: Recycle, now: number): string | null {
  if (requests !== null && instance.requests >= requests) return `it has run ${instance.requests} requests`;
  if (ageMs !== null && now - instance.readySince >= ageMs) return `it has served for ${Math.round((now - instance.readySince) / 1000)} s`;
  if (memoryBytes === null || instance.pid === null) return null;
  const resident = residentBytes(instance.pid);
  return resident !== null && resident >= memoryBytes ? `it holds ${Math.round(resident / 2 ** 20)} MiB` : null;
}
