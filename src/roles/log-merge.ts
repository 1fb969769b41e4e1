// The logs of several nodes as one: what lies in memory sorted by time, what comes after it as it comes.
import type { LogChunk, LogLine } from "../core/admin.ts";
import { IdiomError } from "../core/errors.ts";

export interface LogSource {
  /** Named in each line. */
  readonly node: string;
  /** A chunk without lines says that what lay in memory has been told. */
  readonly chunks: AsyncIterable<LogChunk>;
}

/** As many lines as a chunk of one node has. */
const CHUNK_LINES = 32;

/**
 * Yields no empty chunks. A source that fails says so in a line of its own; one that knows nothing of the model is left out. `first` is
 * this process. `joined` resolves with further sources, again and again; null: nobody follows. Who follows is told all when `first` ends.
 * @throws IdiomError MODEL_NOT_FOUND when every source knows nothing of the model.
 */
export async function* mergeLogs(
  first: LogSource,
  others: readonly LogSource[],
  joined: (() => Promise<readonly LogSource[]>) | null,
  signal: AbortSignal,
): AsyncGenerator<LogChunk, void, void> {
  const own = new Reader(first);
  const readers = [own, ...others.map((source) => new Reader(source))];
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const join = async (): Promise<void> => {
    const sources = (await joined?.()) ?? [];
    readers.push(...sources.map((source) => new Reader(source)));
    joining = join();
  };
  let joining = joined === null ? null : join();
  while (!signal.aborted) {
    for (const reader of readers) reader.pull();
    const chunk = take(readers);
    if (chunk !== null) yield chunk;
    else if (readers.every(({ phase }) => phase === "ended") || (joined !== null && own.phase === "ended" && own.unknown === null)) break;
    else await Promise.race([aborted, ...[joining, ...readers.map(({ pulling }) => pulling)].filter((waited) => waited !== null)]);
  }
  if (own.unknown !== null && readers.every(({ unknown }) => unknown !== null)) throw own.unknown;
}

/** `backlog`: it tells what lay in memory; `live`: it tells what comes. */
type Phase = "backlog" | "live" | "ended";

class Reader {
  readonly #node: string;
  readonly #chunks: AsyncIterator<LogChunk>;
  readonly lines: LogLine[] = [];
  lost = 0;
  phase: Phase = "backlog";
  pulling: Promise<void> | null = null;
  /** Set when the node knows nothing of the model. */
  unknown: IdiomError | null = null;

  constructor({ node, chunks }: LogSource) {
    this.#node = node;
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Asks for more when there is nothing in hand. */
  pull(): void {
    if (this.pulling !== null || this.phase === "ended" || this.lines.length > 0) return;
    this.pulling = this.#chunks.next().then(
      (result) => {
        this.pulling = null;
        if (result.done === true) this.phase = "ended";
        else this.#hear(result.value);
      },
      (error: unknown) => {
        this.pulling = null;
        this.phase = "ended";
        this.#fail(IdiomError.from(error));
      },
    );
  }

  #hear({ lost, lines }: LogChunk): void {
    if (lines.length === 0 && lost === 0) this.phase = "live";
    this.lost += lost;
    for (const line of lines) this.lines.push({ ...line, node: this.#node });
  }

  #fail(error: IdiomError): void {
    if (error.code === "MODEL_NOT_FOUND") this.unknown = error;
    else this.lines.push({ ...NOBODY, node: this.#node, timeMs: Date.now(), message: `the log of this node ends here: ${error.message}` });
  }
}

const NOBODY = { level: "warn", model: "", version: "", instance: "", stream: "" };

/** The oldest lines in hand; null while a node may still have older ones, or when there is nothing. */
function take(readers: readonly Reader[]): LogChunk | null {
  const lines: LogLine[] = [];
  while (lines.length < CHUNK_LINES && !readers.some((reader) => reader.phase === "backlog" && reader.lines.length === 0)) {
    const oldest = readers.filter((reader) => reader.lines.length > 0).sort((a, b) => timeOf(a) - timeOf(b))[0];
    if (oldest === undefined) break;
    lines.push(oldest.lines.shift() as LogLine);
  }
  if (lines.length === 0 && readers.some(({ phase }) => phase === "backlog")) return null;
  const lost = readers.reduce((sum, reader) => sum + reader.lost, 0);
  if (lines.length === 0 && lost === 0) return null;
  for (const reader of readers) reader.lost = 0;
  return { lost, lines };
}

function timeOf({ lines }: Reader): number {
  return (lines[0] as LogLine).timeMs;
}
