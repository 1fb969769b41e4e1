// From HELLO to READY: the entry, imports, hints, and every way in which loading fails.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Host, modelFolder, spec } from "./host.mjs";

const FUNCTION = "export default ({ x }) => ({ y: x });";

/** @param {import("node:test").TestContext} t @param {Record<string, string>} files @param {object} [init] */
async function load(t, files, init) {
  const host = new Host(t, modelFolder(t, files));
  await host.init(init);
  return host;
}

/** @param {import("./host.mjs").Host} host @param {string} kind @param {RegExp} message */
async function assertFailed(host, kind, message) {
  const { json } = await host.expect("FAILED");
  assert.equal(json.kind, kind, json.message);
  assert.match(json.message, message);
  assert.equal(await host.exited, 1);
  return json;
}

/** Writes a package that exports its name. @param {string} folder the `node_modules` @param {string} name @param {string} [value] */
function writePackage(folder, name, value = name) {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
  writeFileSync(join(folder, name, "index.js"), `export default ${JSON.stringify(value)};`);
}

describe("loading", { concurrency: 4 }, () => {
  test("HELLO comes before anything is asked", async (t) => {
    const host = new Host(t, modelFolder(t, {}));
    const { json, id } = await host.expect("HELLO");
    assert.deepEqual(json, { protocol: 1, language: "node", language_version: process.versions.node, pid: host.child.pid, features: [] });
    assert.equal(id, 0n);
  });

  for (const [name, files, entry, wanted] of /** @type {[string, Record<string, string>, string | null, string][]} */ ([
    ["model.mjs", { "model.mjs": FUNCTION }, null, "model.mjs:default"],
    ["model.js as an ES module without a package.json", { "model.js": FUNCTION }, null, "model.js:default"],
    ["model.js before model.mjs", { "model.js": FUNCTION, "model.mjs": "throw 1" }, null, "model.js:default"],
    [
      "model.js as its own package.json says",
      { "model.js": "module.exports = ({ x }) => x;", "package.json": '{"type":"commonjs"}' },
      null,
      "model.js:default",
    ],
    ["an entry of another name", { "main.mjs": "export const predict = ({ x }) => x;" }, "main.mjs:predict", "main.mjs:predict"],
  ])) {
    test(`loads ${name}`, async (t) => {
      const host = await load(t, files, { entry });
      assert.deepEqual((await host.expect("LOADED")).json, { entry: wanted, hints: { inputs: null, outputs: null }, artifact: null });
    });
  }

  test("helper files load like the entry, whatever lies above the folder", async (t) => {
    const above = modelFolder(t, { "package.json": '{"type":"commonjs"}' });
    const folder = join(above, "model");
    mkdirSync(folder);
    writeFileSync(join(folder, "model.js"), 'import { twice } from "./helper.js"; export default ({ x }) => ({ y: x.data.map(twice) });');
    writeFileSync(join(folder, "helper.js"), "export const twice = (v) => 2 * v;");
    const host = new Host(t, folder);
    await host.init();
    await host.expect("LOADED");
  });

  test("exported inputs and outputs are hints", async (t) => {
    const source = `export const per = "row";
      export const inputs = [{ name: "age", datatype: "FP64" }, { name: "n", datatype: "INT64", shape: [-1, 1], na: -1n, levels: null }];
      export const outputs = [{ name: "plan", datatype: "BYTES", na: "" }];
      export default ({ age }) => String(age);`;
    const host = await load(t, { "model.mjs": source });
    const { hints } = (await host.expect("LOADED")).json;
    assert.deepEqual(hints, {
      inputs: [spec("age", "FP64"), spec("n", "INT64", [-1, 1], { na: "-1" })],
      outputs: [spec("plan", "BYTES", [-1], { na: "" })],
    });
    assert.equal(await host.bind(hints.inputs, hints.outputs), "row");
  });

  test("an exported content_type pd makes the convention frame", async (t) => {
    const host = await load(t, { "model.mjs": 'export const content_type = "pd"; export default (rows) => rows;' });
    await host.expect("LOADED");
    assert.equal(await host.bind([spec("x", "FP64")], [spec("x", "FP64")]), "frame");
  });

  test("packages are found in the model's folder, then in the libraries", async (t) => {
    const libraries = join(modelFolder(t, {}), "node_modules");
    for (const name of ["both", "@scope/library"]) writePackage(libraries, name, "library");
    const source = `import both from "both"; import library from "@scope/library"; import { sep } from "node:path"; import fs from "fs";
      console.log([both, library, sep, typeof fs].join()); ${FUNCTION}`;
    const folder = modelFolder(t, { "model.mjs": source });
    writePackage(join(folder, "node_modules"), "both", "model");
    const host = new Host(t, folder);
    await host.init({ libraries: [libraries] });
    await host.expect("LOADED");
    host.send("DRAIN", {});
    await host.exited;
    assert.equal(host.stdout, "model,library,/,object\n");
  });

  test("require finds packages like import, and says MODULE_NOT_FOUND", async (t) => {
    const libraries = join(modelFolder(t, {}), "node_modules");
    mkdirSync(join(libraries, "library"), { recursive: true });
    writeFileSync(join(libraries, "library", "index.js"), 'exports.name = "library";');
    const source = `let code; try { require("optional"); } catch (error) { code = error.code; }
      console.log(require("library").name, code); module.exports = ({ x }) => x;`;
    const host = await load(t, { "model.js": source, "package.json": "{}" }, { libraries: [libraries] });
    await host.expect("LOADED");
    host.send("DRAIN", {});
    await host.exited;
    assert.equal(host.stdout, "library MODULE_NOT_FOUND\n");
  });

  test("a missing package that a CommonJS model requires is named", async (t) => {
    const host = await load(t, { "model.js": 'require("forest"); module.exports = ({ x }) => x;', "package.json": "{}" });
    const { traceback } = await assertFailed(host, "MISSING_PACKAGE", /'forest'/);
    assert.deepEqual(traceback, ["model.js:1 in <module>"]);
  });

  test("packages above the folder and beside the harness are not found", async (t) => {
    const above = modelFolder(t, {});
    writePackage(join(above, "node_modules"), "above");
    const folder = join(above, "model");
    mkdirSync(folder);
    writeFileSync(join(folder, "model.mjs"), `import "above"; ${FUNCTION}`);
    const host = new Host(t, folder);
    await host.init();
    await assertFailed(host, "MISSING_PACKAGE", /'above'/);
  });

  test("a missing package is named", async (t) => {
    const host = await load(t, { "model.mjs": `import "@scope/forest/trees"; ${FUNCTION}` }, { libraries: ["/nonexistent/node_modules"] });
    await assertFailed(host, "MISSING_PACKAGE", /'@scope\/forest'/);
  });

  test("a missing package that the author catches is none", async (t) => {
    const host = await load(t, { "model.mjs": `await import("forest").catch(() => null); ${FUNCTION}` });
    await host.expect("LOADED");
  });

  for (const [name, files, entry, message] of /** @type {[string, Record<string, string>, string | null, RegExp][]} */ ([
    ["no file", { "main.py": "" }, null, /no model\.js and no model\.mjs; the folder has main\.py; .*entry:/],
    ["an empty folder", {}, null, /the folder is empty/],
    ["another file than the entry", { "model.mjs": FUNCTION }, "main.mjs:predict", /no main\.mjs; the folder has model\.mjs/],
    ["a file outside the folder", { "model.mjs": FUNCTION }, "../../etc/hostname:x", /no \.\.\/\.\.\/etc\/hostname/],
    [
      "no default export",
      { "model.mjs": "export const inputs = [], predict = () => 1;" },
      null,
      /no export default; it exports inputs, predict; .*entry: model\.mjs:predict/,
    ],
    ["no exports", { "model.mjs": "1;" }, null, /it exports nothing; write export default/],
    ["an export that is no function", { "model.mjs": "export default { a: 1 };" }, null, /default of model\.mjs is an object, no function/],
  ])) {
    test(`ENTRY_NOT_FOUND: ${name}`, async (t) => {
      await assertFailed(await load(t, files, { entry }), "ENTRY_NOT_FOUND", message);
    });
  }

  test("LOAD_FAILED: the author's top-level code raised", async (t) => {
    const source = `class NoWeights extends Error {}
      function open() {
        throw new NoWeights("cannot find the weights");
      }
      open();`;
    const failed = await assertFailed(await load(t, { "model.mjs": source }), "LOAD_FAILED", /^cannot find the weights$/);
    assert.equal(failed.type, "NoWeights");
    assert.deepEqual(failed.traceback, ["model.mjs:5 in <module>", "model.mjs:3 in open"]);
  });

  test("LOAD_FAILED: a syntax error names its file", async (t) => {
    const failed = await assertFailed(
      await load(t, { "model.mjs": 'import "./helper.mjs";', "helper.mjs": "const = 1;" }),
      "LOAD_FAILED",
      /^helper\.mjs: Unexpected token/,
    );
    assert.equal(failed.type, "SyntaxError");
  });

  test("LOAD_FAILED: a file that is not there", async (t) => {
    await assertFailed(await load(t, { "model.mjs": 'import "./weights.mjs";' }), "LOAD_FAILED", /weights\.mjs/);
  });

  for (const [name, source, message] of /** @type {[string, string, RegExp][]} */ ([
    ["no list", "export const inputs = { x: 'FP32' };", /inputs is no list; write it as: export const inputs/],
    ["no name", "export const inputs = ['x'];", /has no name/],
    ["no data type", "export const outputs = [{ name: 'y', datatype: 'float' }];", /y the data type float; there are .*FP32/],
    ["no shape", "export const inputs = [{ name: 'x', datatype: 'FP32', shape: 'n' }];", /x a shape/],
  ])) {
    test(`SIGNATURE: hints with ${name}`, async (t) => {
      await assertFailed(await load(t, { "model.mjs": source + FUNCTION }), "SIGNATURE", message);
    });
  }

  for (const [name, source, inputs, init, message] of /** @type {[string, string, object[], object, RegExp][]} */ ([
    [
      "an input that the signature lacks",
      "export default ({ x, weight, scale = 1 }) => x;",
      [spec("x", "FP64")],
      {},
      /takes weight.*inputs: \[\{name: weight,/,
    ],
    ["positional parameters", "export default function predict(a, b) { return a; }", [spec("a", "FP64"), spec("b", "FP64")], {}, /\(\{ a, b \}\) =>/],
    ["a parameter that is the input", "export default x => x;", [spec("x", "FP64")], {}, /\(\{ x \}\) =>/],
    ["a matrix as a column", "export default ({ x }) => x;", [spec("x", "FP64", [-1, 3])], { per: "row" }, /x has the shape \[-1,3\].*shape: \[-1\]/],
    [
      "an na that is no value of the type",
      "export default (rows) => rows;",
      [spec("x", "INT32", [-1], { na: "none" })],
      { content_type: "pd" },
      /na of x.*na: -1/,
    ],
  ])) {
    test(`SIGNATURE: ${name}`, async (t) => {
      const host = await load(t, { "model.mjs": source }, init);
      await host.expect("LOADED");
      host.send("BIND", { inputs, outputs: [spec("y", "FP64")] });
      await assertFailed(host, "SIGNATURE", message);
    });
  }

  for (const source of [
    "({ x, ...rest }) => x",
    "({ x: { data } }) => data",
    "(inputs, { signal }) => inputs.x",
    "(...all) => all[0].x",
    "function () { return arguments[0].x }",
    "async ({ x }) => x",
    "class { static predict({ x }) { return x } }.predict",
    "({ x }) => x",
  ]) {
    test(`takes ${source}`, async (t) => {
      const host = await load(t, { "model.mjs": `const f = ${source};\nexport default f;` });
      await host.expect("LOADED");
      assert.equal(await host.bind([spec("x", "FP64")], [spec("y", "FP64")]), "tensor");
    });
  }
});
