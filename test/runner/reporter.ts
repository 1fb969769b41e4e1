// How node:test reports to test/run.ts: each failure in full as it comes, and at the end one line that counts.
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** Where an error came through Node itself: of no use to the reader. */
const NODE_FRAME = /\n +at [^\n]*node:[^\n]*/g;

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  /** By file, the names of the tests and suites that are open, from the outermost on. */
  const open = new Map<string, string[]>();
  let passed = 0;
  let failed = 0;
  for await (const event of events) {
    switch (event.type) {
      case "test:start": {
        const names = open.get(event.data.file ?? "") ?? [];
        names.splice(event.data.nesting, names.length, event.data.name);
        open.set(event.data.file ?? "", names);
        break;
      }
      case "test:pass":
        if (event.data.details.type !== "suite") passed++;
        break;
      case "test:fail": {
        const { error, type } = event.data.details;
        // A suite fails with its tests; what it adds of its own is a failed hook.
        if (type === "suite" && (error as { failureType?: string }).failureType === "subtestsFailed") break;
        failed++;
        const names = (open.get(event.data.file ?? "") ?? []).slice(0, event.data.nesting);
        yield describe([...names, event.data.name], event.data.file, error.cause ?? error);
        break;
      }
      case "test:stderr":
        yield event.data.message;
        break;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}

function describe(names: readonly string[], file: string | undefined, error: unknown): string {
  const place = file === undefined ? "" : `\n      ${relative(process.cwd(), file)}`;
  const text = inspect(error).replaceAll(NODE_FRAME, "").replaceAll(/^/gm, "      ");
  return `\n    FAILED ${names.join(" > ")}${place}\n${text}\n\n`;
}
