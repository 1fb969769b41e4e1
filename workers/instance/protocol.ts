// The frames of the harness protocol and their JSON bodies (proto/harness/v1/PROTOCOL.md). A harness runs the author's code,
// so nothing that it says is believed before it has passed a schema.
import { z } from "zod";
import { CONTENT_TYPES, DATATYPE_NAMES } from "../../src/core/datatype.ts";
import { MAX_RANK } from "../../src/core/limits.ts";
import type { SignatureHints, TensorHint, TensorSpec } from "../../src/core/signature.ts";

export const PROTOCOL_VERSION = 1;
export const HEADER_BYTES = 16;

export const FRAME = {
  HELLO: 0x01,
  INIT: 0x02,
  LOADED: 0x03,
  BIND: 0x04,
  READY: 0x05,
  FAILED: 0x06,
  LOG: 0x07,
  CANCEL: 0x08,
  PING: 0x09,
  PONG: 0x0a,
  DRAIN: 0x0b,
  BYE: 0x0c,
  INFER: 0x10,
  RESULT: 0x11,
  ERROR: 0x12,
  FORK: 0x20,
  FORKED: 0x21,
  TAKEN: 0x22,
  EXITED: 0x23,
} as const;

export type FrameName = keyof typeof FRAME;

const NAMES = new Map<number, FrameName>((Object.keys(FRAME) as FrameName[]).map((name) => [FRAME[name], name]));

const [SMALL, LARGE] = [64 * 1024, 4 * 2 ** 20];
/** What a body of JSON has at most: it is parsed at once, while everybody waits. The others are bounded by the frame. */
const MAX_BODY_BYTES: Partial<Record<FrameName, number>> = {
  ...{ HELLO: SMALL, READY: SMALL, LOG: SMALL, PONG: SMALL, BYE: SMALL, FORKED: SMALL, EXITED: SMALL },
  ...{ LOADED: LARGE, FAILED: LARGE, ERROR: LARGE },
};
const MAX_ERRORS_BYTES = 16 * 2 ** 20;

export function mostBytes(type: FrameName, maxFrame: number): number {
  return Math.min(maxFrame, MAX_BODY_BYTES[type] ?? maxFrame);
}

export function frameName(type: number): FrameName | undefined {
  return NAMES.get(type);
}

/** The peer broke the protocol; the stream cannot be trusted any more. */
export class ProtocolViolation extends Error {
  override name = "ProtocolViolation";
}

/** An array that is looked at no further than to its first wrong element: of millions each would have an error of its own. */
function arrayOf<Element>(element: z.ZodType<Element>, most: number): z.ZodType<Element[]> {
  return z.unknown().transform((value, context) => {
    const fail = (message: string, path: number[] = []): never => {
      context.addIssue({ code: "custom", message, path });
      return z.NEVER;
    };
    if (!Array.isArray(value)) return fail("no array");
    if (value.length > most) return fail(`${value.length} elements, at most ${most} are possible`);
    const elements: Element[] = [];
    for (const [i, each] of value.entries()) {
      const parsed = element.safeParse(each);
      if (!parsed.success) return fail(parsed.error.issues[0]?.message ?? "invalid", [i, ...((parsed.error.issues[0]?.path ?? []) as number[])]);
      elements.push(parsed.data);
    }
    return elements;
  }) as unknown as z.ZodType<Element[]>;
}

const MAX_TENSORS = 65_536;
const MAX_LEVELS = 1_000_000;
const MAX_FEATURES = 64;

const hintSchema = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPE_NAMES).nullable(),
  shape: arrayOf(z.number().int().min(-1), MAX_RANK).nullable(),
  content_type: z.enum(CONTENT_TYPES).nullable(),
  na: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  levels: arrayOf(z.string(), MAX_LEVELS).nullable(),
});
const hintsSchema = z.object({ inputs: arrayOf(hintSchema, MAX_TENSORS).nullable(), outputs: arrayOf(hintSchema, MAX_TENSORS).nullable() });

/** Text that a model may have written: as much of it as an operator reads. */
const text = z.string().transform((value) => (value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT)} [cut]`));
const MAX_TEXT = 8 * 1024;
const MAX_TRACEBACK_LINES = 50;
/** Of which those are kept. */
const MAX_SENT_LINES = 100_000;

const pid = z.number().int().min(1);
const descriptor = z.number().int().min(0);

const failureFields = {
  kind: z.string(),
  type: text.nullable(),
  message: text,
  traceback: arrayOf(text, MAX_SENT_LINES).transform((lines) => lines.slice(-MAX_TRACEBACK_LINES)),
};

/** Descriptors in the process that says it. The first fork keeps the transport of that process. */
const pipesSchema = z.object({ input: descriptor.nullable(), output: descriptor.nullable(), stdout: descriptor, stderr: descriptor });

const rowErrorSchema = z.object({ segment: z.number().int().min(0), row: z.number().int().min(0), ...failureFields });

/** Bodies of the frames that a harness sends. */
const SCHEMAS = {
  HELLO: z.object({
    protocol: z.number().int(),
    language: z.string(),
    language_version: z.string(),
    pid: z.number().int(),
    features: arrayOf(z.string(), MAX_FEATURES),
  }),
  LOADED: z.object({ entry: z.string(), hints: hintsSchema, artifact: hintsSchema.nullable() }),
  READY: z.object({ convention: z.string() }),
  FAILED: z.object(failureFields),
  LOG: z.object({ level: z.enum(["debug", "info", "warn", "error"]), message: text }),
  PONG: z.object({}),
  BYE: z.object({}),
  ERROR: z.object({ ...failureFields, segment: z.number().int().nullable(), row: z.number().int().nullable() }),
  FORKED: z.object({ pid, pipes: pipesSchema }),
  EXITED: z.object({ pid, code: z.number().int().nullable(), signal: z.number().int().nullable() }),
} as const;

export type HarnessFrame = keyof typeof SCHEMAS;
export type Body<F extends HarnessFrame> = z.infer<(typeof SCHEMAS)[F]>;
export type HarnessFailure = Body<"FAILED">;
export type RowError = z.infer<typeof rowErrorSchema>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Parses and checks a JSON body. @throws ProtocolViolation */
export function parseBody<F extends HarnessFrame>(name: F, body: Uint8Array): Body<F> {
  const parsed = SCHEMAS[name].safeParse(parseJsonObject(body));
  if (!parsed.success) throw violation(name, parsed.error);
  return parsed.data as Body<F>;
}

function violation(what: string, error: z.ZodError): ProtocolViolation {
  return new ProtocolViolation(`${what}: ${z.prettifyError(error).replaceAll("\n", " ").slice(0, MAX_TEXT)}`);
}

/** Parses the JSON block at the end of a RESULT, one for each segment that failed, of `most`. @throws ProtocolViolation */
export function parseRowErrors(block: Uint8Array, most: number): RowError[] {
  if (block.length > MAX_ERRORS_BYTES) throw new ProtocolViolation(`RESULT errors of ${block.length} bytes are beyond the limit of ${MAX_ERRORS_BYTES}`);
  const parsed = z.object({ errors: arrayOf(rowErrorSchema, most) }).safeParse(parseJsonObject(block));
  if (!parsed.success) throw violation("RESULT errors", parsed.error);
  return parsed.data.errors;
}

/** @throws ProtocolViolation when `body` is not one JSON object in UTF-8. */
export function parseJsonObject(body: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (error) {
    throw new ProtocolViolation(`the body is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ProtocolViolation("the body is no JSON object");
  return value;
}

export function hintFromWire(wire: z.infer<typeof hintSchema>): TensorHint {
  const { content_type: contentType, ...rest } = wire;
  return { ...rest, contentType };
}

export function hintsFromWire({ inputs, outputs }: z.infer<typeof hintsSchema>): SignatureHints {
  return { inputs: inputs?.map(hintFromWire) ?? null, outputs: outputs?.map(hintFromWire) ?? null };
}

export function specToWire(spec: TensorSpec): object {
  const { contentType, ...rest } = spec;
  return { ...rest, content_type: contentType };
}
