// Small models for tests of the front door, written in Node because it starts fastest. Their signatures are Triton's `simple`
// and a vector of text.
import { ModelsFolder } from "./models.ts";

const SIMPLE = {
  "model.yaml": `inputs:
  - {name: INPUT0, datatype: INT32, shape: [-1, 16]}
  - {name: INPUT1, datatype: INT32, shape: [-1, 16]}
outputs:
  - {name: OUTPUT0, datatype: INT32, shape: [-1, 16]}
  - {name: OUTPUT1, datatype: INT32, shape: [-1, 16]}
batching: {max_size: 8}
`,
  "model.mjs": `export default ({ INPUT0: a, INPUT1: b }) => ({
  OUTPUT0: { data: a.data.map((value, i) => value + b.data[i]), shape: a.shape },
  OUTPUT1: { data: a.data.map((value, i) => value - b.data[i]), shape: a.shape },
});
`,
};

const TEXT = {
  "model.yaml": `inputs:
  - {name: x, datatype: BYTES, shape: [-1]}
outputs:
  - {name: y, datatype: BYTES, shape: [-1]}
`,
  "model.mjs": "export default ({ x }) => ({ y: x });\n",
};

/** A folder with the models `simple` and `text`. */
export function standardModels(): ModelsFolder {
  return new ModelsFolder().add("simple", SIMPLE).add("text", TEXT);
}
