// One signature out of what several sources say: model.yaml, the code's type hints, the artifact, the golden files.
import type { Datatype } from "./datatype.ts";
import { IdiomError } from "./errors.ts";
import { MAX_RANK } from "./limits.ts";
import { formatShape, type Signature, type SignatureHints, type TensorHint, type TensorSpec } from "./signature.ts";

export interface SignatureSource {
  /** As the author knows it: "model.yaml", "the type hints", ... */
  readonly name: string;
  readonly hints: SignatureHints;
  /** Fills in, never contradicts: an estimator inside a pipeline knows other names than the model's callers do. */
  readonly fillIn?: boolean;
  /** Its data types name a kind of number, not its width: `int` in the code may be INT32 in model.yaml. */
  readonly anyWidth?: boolean;
}

/**
 * Resolves the signature from `sources`, strongest first. Names come from the first source that names a side's tensors;
 * each field comes from the first source that knows it.
 * @throws IdiomError MODEL_INVALID when two sources disagree (both are shown) or something stays unknown (with the lines to add).
 */
export function resolveSignature(sources: readonly SignatureSource[]): Signature {
  return { inputs: resolveSide("inputs", sources), outputs: resolveSide("outputs", sources) };
}

/** What a harness calls a single result in its hints. */
const UNNAMED_OUTPUT = "output";

function resolveSide(side: keyof SignatureHints, sources: readonly SignatureSource[]): TensorSpec[] {
  const known = sources.flatMap((source) => {
    const tensors = source.hints[side];
    return tensors === null ? [] : [{ name: source.name, tensors, fillIn: source.fillIn === true, anyWidth: source.anyWidth === true }];
  });
  const first = known[0];
  if (first === undefined) throw unknown(side, `nothing says what the model's ${side} are`, []);
  const renamed = side === "outputs" ? known.map((source) => nameOnlyOutput(source, known)) : known;
  const named = renamed.filter((source, i) => i === 0 || !source.fillIn || namesOf(source) === namesOf(renamed[0] as Known));
  for (const other of named.slice(1)) checkNames(side, named[0] as Known, other);
  const byName = named.map((source) => ({ ...source, byName: Map.groupBy(source.tensors, (tensor) => tensor.name) }));
  const partial = (named[0] as Known).tensors.map((tensor) => resolveTensor(side, tensor.name, byName));
  for (const { name, shape } of partial)
    if (shape !== null && shape.length > MAX_RANK)
      throw new IdiomError("MODEL_INVALID", `${side} '${name}' has ${shape.length} dimensions; at most ${MAX_RANK} are possible`);
  if (!partial.every(isComplete)) {
    const missing = partial.filter((tensor) => !isComplete(tensor)).map((tensor) => tensor.name);
    throw unknown(side, `data type or shape is not known for ${missing.join(", ")}`, partial);
  }
  return partial;
}

type Known = { readonly name: string; readonly tensors: readonly TensorHint[]; readonly fillIn: boolean; readonly anyWidth: boolean };

/** A single result has no name of its own in the code; it takes the one that another source gives. */
function nameOnlyOutput(source: Known, all: readonly Known[]): Known {
  const [only, ...more] = source.tensors;
  if (only?.name !== UNNAMED_OUTPUT || more.length > 0) return source;
  const name = all.find((other) => other.tensors.length === 1 && other.tensors[0]?.name !== UNNAMED_OUTPUT)?.tensors[0]?.name;
  return name === undefined ? source : { ...source, tensors: [{ ...only, name }] };
}

function namesOf(source: Known): string {
  return source.tensors
    .map((tensor) => tensor.name)
    .sort()
    .join(", ");
}

function checkNames(side: string, one: Known, other: Known): void {
  if (namesOf(one) === namesOf(other)) return;
  throw new IdiomError("MODEL_INVALID", `${one.name} and ${other.name} disagree on the model's ${side}: [${namesOf(one)}] against [${namesOf(other)}]`);
}

function resolveTensor(side: string, name: string, known: readonly (Known & { readonly byName: ReadonlyMap<string, readonly TensorHint[]> })[]): TensorHint {
  const said = known.flatMap((source) => (source.byName.get(name) ?? []).map((tensor) => ({ source: source.name, anyWidth: source.anyWidth, tensor })));
  const pick = <K extends keyof TensorHint>(
    field: K,
    format: (value: NonNullable<TensorHint[K]>) => string,
    agrees: (strong: NonNullable<TensorHint[K]>, weak: NonNullable<TensorHint[K]>, anyWidth: boolean) => boolean,
  ): TensorHint[K] => {
    const values = said.filter((entry) => entry.tensor[field] !== null);
    const strongest = values[0];
    if (strongest === undefined) return null as TensorHint[K];
    const value = strongest.tensor[field] as NonNullable<TensorHint[K]>;
    for (const weaker of values.slice(1)) {
      const other = weaker.tensor[field] as NonNullable<TensorHint[K]>;
      if (agrees(value, other, weaker.anyWidth)) continue;
      throw new IdiomError("MODEL_INVALID", `${side} '${name}': ${strongest.source} says ${field} ${format(value)}, ${weaker.source} says ${format(other)}`);
    }
    return value;
  };
  return {
    name,
    datatype: pick("datatype", String, sameDatatype),
    shape: pick("shape", formatShape, compatibleShapes),
    contentType: pick("contentType", String, () => true),
    na: pick("na", String, () => true),
    levels: pick(
      "levels",
      (levels) => levels.join("|"),
      () => true,
    ),
  };
}

function sameDatatype(a: Datatype, b: Datatype, anyWidth: boolean): boolean {
  return a === b || (anyWidth && kindOf(a) === kindOf(b));
}

function kindOf(datatype: Datatype): string {
  if (datatype.includes("INT")) return "integer";
  return datatype.startsWith("FP") || datatype === "BF16" ? "float" : datatype;
}

/** A weaker source may know a shape less or more exactly; a golden file shows one instance of it. */
function compatibleShapes(a: readonly number[], b: readonly number[]): boolean {
  const [x, y] = [trimColumn(a), trimColumn(b)];
  return x.length === y.length && x.every((dimension, i) => dimension === -1 || y[i] === -1 || dimension === y[i]);
}

function trimColumn(shape: readonly number[]): readonly number[] {
  return shape.length === 2 && shape[1] === 1 ? shape.slice(0, 1) : shape;
}

function isComplete(tensor: TensorHint): tensor is TensorSpec {
  return tensor.datatype !== null && tensor.shape !== null;
}

function unknown(side: "inputs" | "outputs", what: string, tensors: readonly TensorHint[]): IdiomError {
  const shown = tensors.length > 0 ? tensors : [{ name: side === "inputs" ? "x" : "y", datatype: null, shape: null }];
  const lines = shown.map(
    (tensor) => `  - {name: ${tensor.name}, datatype: ${tensor.datatype ?? "FP64"}, shape: ${tensor.shape === null ? "[-1]" : formatShape(tensor.shape)}}`,
  );
  return new IdiomError("MODEL_INVALID", `${what}. Add to model.yaml, with the right types:\n${side}:\n${lines.join("\n")}`);
}
