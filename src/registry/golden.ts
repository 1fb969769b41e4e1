// Golden files: recorded input and expected output of a model version, as OIP REST JSON.
import { globSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { isContentType, isDatatype } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import { type JsonTensor, joinBytesElements, parseJsonExact, tensorFromJson } from "../core/json-tensor.ts";
import { MAX_REQUEST_BYTES } from "../core/limits.ts";
import type { SignatureHints, TensorHint } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import { readOwnFile } from "./own-file.ts";

const tensorSchema = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.number().int().min(0)),
  data: z.array(z.unknown()),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

const goldenSchema = z.looseObject({
  request: z.looseObject({ inputs: z.array(tensorSchema) }),
  response: z.looseObject({ outputs: z.array(tensorSchema) }),
});

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

export interface Golden {
  /** Path below the model's folder. */
  readonly file: string;
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
}

/** The longest request and its answer, written as text. */
const MAX_GOLDEN_BYTES = 4 * MAX_REQUEST_BYTES;

/**
 * Reads the golden files of a model folder, sorted by name.
 * @throws IdiomError MODEL_INVALID naming the file.
 */
export function readGolden(folder: string, pattern: string): Golden[] {
  return globSync(pattern, { cwd: folder })
    .sort()
    .map((file) => readGoldenFile(folder, relative(folder, join(folder, file))));
}

function readGoldenFile(folder: string, file: string): Golden {
  const text = readOwnFile(folder, file, MAX_GOLDEN_BYTES);
  try {
    const { request, response } = goldenSchema.parse(parseJsonExact(text));
    return { file, inputs: request.inputs.map(toNamed), outputs: response.outputs.map(toNamed) };
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new IdiomError("MODEL_INVALID", `${file}: ${what}`);
  }
}

function toNamed(json: z.infer<typeof tensorSchema>): NamedTensor {
  const contentType = json.parameters?.["content_type"];
  const known = typeof contentType === "string" && isContentType(contentType) ? contentType : null;
  if (known === "base64") return { name: json.name, tensor: decodeBase64(json) };
  return { name: json.name, tensor: tensorFromJson(json as JsonTensor, known) };
}

/** How JSON carries BYTES that are no text; the bytes themselves are the tensor. */
function decodeBase64(json: z.infer<typeof tensorSchema>): Tensor {
  const elements = json.data.flat(Number.POSITIVE_INFINITY).map((text) => Buffer.from(String(text), "base64"));
  return { datatype: "BYTES", contentType: null, shape: json.shape, data: joinBytesElements(elements) };
}

/** What one golden file shows of the signature: names and types exactly, shapes with a free first dimension. */
export function hintsOfGolden(golden: Golden | undefined): SignatureHints | null {
  if (golden === undefined) return null;
  const hint = ({ name, tensor }: NamedTensor): TensorHint => ({
    name,
    datatype: isDatatype(tensor.datatype) ? tensor.datatype : null,
    shape: tensor.shape.length === 0 ? [] : [-1, ...tensor.shape.slice(1)],
    contentType: null,
    na: null,
    levels: null,
  });
  return { inputs: golden.inputs.map(hint), outputs: golden.outputs.map(hint) };
}
