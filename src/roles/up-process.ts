// One of the processes of `idiom up --processes N`, as `process-group.ts` starts it.
import type { Config } from "../config/config.ts";
import type { HealthReport } from "../core/health.ts";
import { answerParent } from "../process/siblings.ts";
import type { MetricValues } from "../telemetry/metrics.ts";
import type { VersionSummary } from "./summary.ts";
import { type Up, up } from "./up.ts";

/** What the parent asks, in this order; `health`, `metrics` and `stop` at any time. */
export type UpQuestions = {
  /** Resolves to the gRPC port. `late`: it is opened once every model has settled, because siblings take the calls until then. */
  start(argument: { readonly config: Config; readonly late: boolean }): Promise<number>;
  settled(): Promise<void>;
  summary(): Promise<VersionSummary[]>;
  health(): Promise<HealthReport>;
  metrics(): Promise<MetricValues>;
  /** `passOn`: to siblings that go on. */
  stop(argument: { readonly passOn: boolean }): Promise<void>;
};

let running: Up | null = null;
const started = Promise.withResolvers<Up>();
let stopping: Promise<void> | null = null;

/** Only once, whoever asks. */
function stop(passOn: boolean): Promise<void> {
  stopping ??= started.promise.then((up) => up.stop(passOn));
  return stopping;
}

answerParent<UpQuestions>({
  async start({ config, late }) {
    running = await up(config, { http: false, late });
    started.resolve(running);
    return running.grpcPort;
  },
  settled: async () => (await started.promise).settled(),
  summary: async () => (await started.promise).summary(),
  health: async () => running?.health() ?? { status: "starting", models: [] },
  metrics: async () => running?.metrics.values() ?? [],
  stop: ({ passOn }) => stop(passOn),
});
// Ctrl-C at a terminal reaches every process of the group: when this one stops its parent says.
process.on("SIGINT", () => {});
// To this process alone it means what it means to any server; the parent starts the next one.
process.on("SIGTERM", () => void stop(true).then(() => process.exit(0)));
