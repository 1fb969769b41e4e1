// The metrics of several processes as those of one.
import { AggregatorRegistry } from "prom-client";
import type { MetricValues } from "./metrics.ts";

export class MetricsSum {
  /** What processes that have ended had counted. */
  #ended: MetricValues = [];

  /** The Prometheus text format. Counts are added up; what cannot be, such as delays of the event loop, is averaged. */
  render(processes: readonly MetricValues[]): Promise<string> {
    return sum([this.#ended, ...processes]).metrics();
  }

  /** A process has ended. What it had counted when it was last asked stays counted: a counter that falls would read as a restart of all. */
  async keep(last: MetricValues): Promise<void> {
    // Declared as a number, the type comes as a word.
    const counted = last.filter(({ type }) => ["counter", "histogram"].includes(String(type)));
    this.#ended = await sum([this.#ended, counted]).getMetricsAsJSON();
  }
}

function sum(processes: readonly MetricValues[]): ReturnType<typeof AggregatorRegistry.aggregate> {
  return AggregatorRegistry.aggregate([...processes]);
}
