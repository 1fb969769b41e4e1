// Calls a Node model's per-row function directly, row by row.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , folder, data] = process.argv;
const { default: predict } = await import(pathToFileURL(join(folder, "model.js")));

const readColumn = ({ name, kind }) => {
  const bytes = readFileSync(join(data, `${name}.${kind}`));
  if (kind === "txt") return bytes.toString().split("\n").slice(0, -1);
  const copy = new Uint8Array(bytes).buffer;
  return kind === "f64" ? new Float64Array(copy) : new Int32Array(copy);
};

const inputs = JSON.parse(readFileSync(join(data, "inputs.json"), "utf8"));
const columns = inputs.map((input) => ({ name: input.name, values: readColumn(input) }));
const count = columns[0].values.length;
const answers = new Float64Array(count);
for (let row = 0; row < count; row++) {
  answers[row] = predict(Object.fromEntries(columns.map(({ name, values }) => [name, values[row]])));
}
const [output] = JSON.parse(readFileSync(join(data, "outputs.json"), "utf8"));
writeFileSync(join(data, "out", `${output.name}.f64`), new Uint8Array(answers.buffer));
