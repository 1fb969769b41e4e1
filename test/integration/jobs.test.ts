// Jobs through a real server: rows in, answers out, by the same models as calls; and what becomes of rows and files that are wrong.
import assert from "node:assert/strict";
import { readFileSync, realpathSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { Bool, type DataType, Field, Float16, Float32, Float64, Int8, Int16, Int32, Int64, List, Uint8, Uint16, Uint32, Uint64, Utf8 } from "apache-arrow";
import { processFolder } from "../support/folders.ts";
import { failureOf, Jobs } from "../support/jobs.ts";
import { fixtureModels } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { arrowOf, parquetOf, tableIn } from "../support/tables.ts";
import { tensor } from "../support/tensors.ts";

const DOUBLES = { "model.js": "export default ({ x }) => ({ y: 2 * x });\n", "model.yaml": modelYaml("FP64", "FP64") };
/** Takes 10 ms for a row, and prints each that it begins. */
const SLOW = {
  "model.js": `export default async ({ x }) => {
  console.log("begun " + x);
  await new Promise((resolve) => setTimeout(resolve, 10));
  return { y: x };
};
`,
  "model.yaml": modelYaml("INT32", "INT32"),
};
/** Fails for rows below 0, until it has seen the row 777. */
const MENDABLE = {
  "model.js": `let mended = false;
export default ({ x }) => {
  if (x === 777) mended = true;
  if (x < 0 && !mended) throw new Error("not yet");
  return { y: x };
};
`,
  "model.yaml": modelYaml("INT32", "INT32"),
};
/** The row -1 ends the process. */
const DIES = {
  "model.js": "export default ({ x }) => { if (x === -1) process.exit(9); return { y: x }; };\n",
  "model.yaml": modelYaml("INT32", "INT32"),
};
const ONCE = { "model.js": DOUBLES["model.js"], "model.yaml": `${modelYaml("FP64", "FP64")}idempotent: false\n` };

/** By the name of its input in the model that echoes all: the type of its column, and a value. */
const ECHOED: Readonly<Record<string, readonly [DataType, unknown]>> = {
  bool: [new Bool(), true],
  int8: [new Int8(), -128],
  int16: [new Int16(), 32767],
  int32: [new Int32(), -2147483648],
  int64: [new Int64(), -(2n ** 63n)],
  uint8: [new Uint8(), 255],
  uint16: [new Uint16(), 65535],
  uint32: [new Uint32(), 4294967295],
  uint64: [new Uint64(), 2n ** 64n - 1n],
  fp16: [new Float16(), 0.5],
  fp32: [new Float32(), Math.fround(0.1)],
  fp64: [new Float64(), 0.1],
  bf16: [new Float32(), 1.5],
  bytes: [new Utf8(), "né\n"],
};

function modelYaml(input: string, output: string): string {
  return `runtime: node\nper: row\nbatching: {max_size: 32}\ninputs: [{name: x, datatype: ${input}, shape: [-1]}]\noutputs: [{name: y, datatype: ${output}, shape: [-1]}]\n`;
}

function column(rows: number, value: (row: number) => string | number = (row) => row): string {
  return `x\n${Array.from({ length: rows }, (_, row) => value(row)).join("\n")}\n`;
}

describe("jobs", { timeout: 120_000 }, () => {
  const root = realpathSync(processFolder());
  /** Behind a link, as an operator may have it. */
  const state = join(processFolder(), "state");
  symlinkSync(processFolder(), state);
  const models = fixtureModels(["echo_datatypes", "raise_row", "matrix"], ["python"])
    .add("doubles", DOUBLES)
    .add("slow", SLOW)
    .add("dies", DIES)
    .add("mendable", MENDABLE)
    .add("once", ONCE);
  let server: Server;
  let jobs: Jobs;

  before(async () => {
    server = await startServer({ models: models.path, env: { IDIOM_STATE: state, IDIOM_BATCH_ROOTS: root } });
    jobs = new Jobs(server.address);
  });
  after(async () => {
    jobs.client.close();
    await server.stop();
  });

  test("an uploaded CSV file comes back with the answers in the order of its rows, behind the columns that were to be kept", async () => {
    const output = await jobs.score("doubles", "in.csv", "id,x\na,1\nb,0.1\nc,\n", { keep: ["id"] });
    assert.equal(output, "id,y\na,2\nb,0.2\nc,NaN\n");
  });

  test("thousands of rows in many chunks lose none and keep their order", async () => {
    const rows = 30_000;
    const output = await jobs.score("doubles", "in.csv", column(rows));
    assert.equal(output, `y\n${Array.from({ length: rows }, (_, row) => 2 * row).join("\n")}\n`);
  });

  test("JSON Lines in and out keep every digit", async () => {
    const row = {
      x_bool: true,
      x_int8: -128,
      x_int16: 32767,
      x_int32: -2147483648,
      x_uint8: 255,
      x_uint16: 65535,
      x_uint32: 4294967295,
      x_fp16: 0.5,
      x_fp32: 0.1,
      x_fp64: 0.1,
      x_bf16: 1,
      x_bytes: "né\n",
    };
    const line = `${JSON.stringify(row).slice(0, -1)},"x_int64":-9223372036854775808,"x_uint64":18446744073709551615,"note":9007199254740993}`;
    const output = await jobs.score("echo_datatypes-python", "in.jsonl", `${line}\n${line.replace("0.1", "-0.0")}\n`, { keep: ["note"] });
    const [first = "", second = ""] = output.trimEnd().split("\n");
    assert.match(first, /^\{"note":9007199254740993,"y_bool":true,"y_int8":-128,/);
    for (const part of ['"y_int64":-9223372036854775808', '"y_uint64":18446744073709551615', '"y_fp32":0.1', '"y_fp64":0.1', '"y_bytes":"né\\n"'])
      assert.ok(first.includes(part), part);
    assert.ok(second.includes('"y_fp32":-0,'), second);
  });

  test("the answers have the bits of calls", async () => {
    const values = Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10 ** ((i % 40) - 20));
    const output = await jobs.score(
      "raise_row-python",
      "in.csv",
      column(200, (row) => Math.abs(values[row] as number)),
    );
    const { y } = await server.client.infer("raise_row-python", [tensor("x", "FP64", values.map(Math.abs))]);
    const bits = Buffer.from(new Float64Array(output.trimEnd().split("\n").slice(1).map(Number)).buffer);
    assert.ok(bits.equals(Buffer.from(y?.data as Uint8Array)));
  });

  test("a file of the server is read and written by path, packed as its name says", async () => {
    writeFileSync(join(root, "in.csv.gz"), gzipSync(column(3)));
    const { id } = await jobs.submitPaths("doubles", join(root, "in.csv.gz"), join(root, "out.jsonl.gz"));
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    const text = gunzipSync(readFileSync(join(root, "out.jsonl.gz"))).toString();
    assert.equal(text, '{"y":0}\n{"y":2}\n{"y":4}\n');
    assert.deepEqual(gunzipSync(await jobs.outputBytes(id)).toString(), text);
  });

  test("a path outside the roots is refused, and nothing is told of it", async () => {
    assert.match(
      await failureOf(jobs.submitPaths("doubles", "/etc/passwd", join(root, "o.csv"), { input: { path: "/etc/passwd", format: "csv" } })),
      /not a path that this server reads/,
    );
    assert.match(await failureOf(jobs.submitPaths("doubles", join(root, "..", "in.csv"), join(root, "o.csv"))), /not a path/);
    assert.match(await failureOf(jobs.submitPaths("doubles", join(root, "none.csv"), join(root, "o.csv"))), /none.csv cannot be opened: ENOENT/);
  });

  test("rows that are wrong, by themselves or to the model, are told of with their number and their cause", async () => {
    const { id } = await jobs.submit("raise_row-python", "in.csv", "id,x\na,1\nb,-2\nc,three\nd,4\ne,-5\n", { keep: ["id"] });
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    assert.deepEqual([job.totalRows, job.doneRows, job.failedRows], [5, 5, 3]);
    assert.equal(await jobs.output(id), "id,y\na,2\nd,8\n");
    const errors = await jobs.errors(id);
    assert.deepEqual(
      errors.map(({ row, code, data }) => ({ row, code, data })),
      [
        { row: 2, code: "MODEL_ERROR", data: { x: -2 } },
        { row: 3, code: "DATASET_INVALID", data: { id: "c", x: "three" } },
        { row: 5, code: "MODEL_ERROR", data: { x: -5 } },
      ],
    );
    assert.match(errors[0]?.cause ?? "", /x is negative: -2/);
    assert.match(errors[1]?.cause ?? "", /column 'x': "three" is no FP64/);
  });

  test("more failed rows than are allowed fail the job; so do rows that fail one and all", async () => {
    const limited = await jobs.submit("raise_row-python", "in.csv", "x\n1\n-1\n-2\n", { maxFailedRows: "1" });
    assert.match((await jobs.end(limited.id)).reason, /2 rows failed, max_failed_rows is 1/);
    const share = await jobs.submit("raise_row-python", "in.csv", "x\n1\n-1\n2\n", { maxFailedRows: "50%" });
    assert.equal((await jobs.end(share.id)).state, "succeeded");
    const all = await jobs.submit("raise_row-python", "in.csv", "x\n-1\n-2\n");
    assert.match((await jobs.end(all.id)).reason, /every row failed/);
  });

  test("a row that ends the model's process is found, and costs no other row", async () => {
    const { id } = await jobs.submit(
      "dies",
      "in.csv",
      column(40, (row) => (row === 17 ? -1 : row)),
    );
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.failedRows], ["succeeded", 1], job.reason);
    assert.equal((await jobs.errors(id))[0]?.row, 18);
    assert.equal((await jobs.output(id)).trimEnd().split("\n").length, 40);
  });

  test("a file that is wrong as a whole fails its job with the reason", async () => {
    const reasonFor = async (name: string, content: string | Uint8Array): Promise<string> => {
      const { id } = await jobs.submit("doubles", name, content);
      return (await jobs.end(id)).reason;
    };
    assert.match(await reasonFor("in.csv", "a,b\n1,2\n"), /no column 'x', which model 'doubles' needs/);
    assert.match(await reasonFor("in.csv", 'x\n1\n"2\n'), /torn/);
    const table = parquetOf({ x: ["STRING", ["1"]] });
    assert.match(await reasonFor("in.parquet", table), /the column 'x' holds text, and the model takes FP64 there/);
    assert.match(await reasonFor("in.parquet", table.subarray(0, 60)), /the Parquet file cannot be read: it does not end as one: it is torn/);
    assert.match(await reasonFor("in.arrow", "x\n1\n"), /the Arrow file cannot be read/);
    assert.match(await reasonFor("in.csv.gz", gzipSync(column(99)).subarray(0, 80)), /gzip file cannot be read to its end/);
  });

  test("an empty table has an empty output", async () => {
    assert.equal(await jobs.score("doubles", "in.csv", "x\n"), "y\n");
  });

  test("tables come in and go out with the bits of calls, and with whole 64-bit integers", async () => {
    const x = Array.from({ length: 3000 }, (_, i) => Math.abs(Math.sin(i)) * 10 ** ((i % 600) - 300));
    const id = x.map((_, i) => 2n ** 62n + BigInt(i));
    const { y } = await server.client.infer("raise_row-python", [tensor("x", "FP64", x)]);
    for (const [name, content] of [
      ["in.parquet", parquetOf({ id: ["INT64", id], x: ["DOUBLE", x] })],
      ["in.arrow", arrowOf({ id: [new Int64(), id], x: [new Float64(), x] })],
      ["in.arrows", arrowOf({ id: [new Int64(), id], x: [new Float64(), x] }, "stream")],
    ] as const) {
      const { id: job } = await jobs.submit("raise_row-python", name, content, { keep: ["id"] });
      assert.equal((await jobs.end(job)).state, "succeeded");
      const { values, types } = tableIn(await jobs.outputBytes(job));
      assert.deepEqual(types, ["64-bit integers", "64-bit floats"], name);
      assert.deepEqual(values["id"], id, name);
      assert.ok(Buffer.from(new Float64Array(values["y"] as number[]).buffer).equals(Buffer.from(y?.data as Uint8Array)), name);
    }
  });

  test("one format comes in while another goes out: text is made of types, and types of text", async () => {
    const at = [0n, 1_700_000_000_000n];
    const rows = { x: ["DOUBLE", [1.5, -0]], at: ["TIMESTAMP", at], tag: ["STRING", ["a", null]] } as const;
    const csv = await jobs.score("doubles", "in.parquet", parquetOf(rows), { keep: ["*"], output: { name: "out.csv" } });
    assert.equal(csv, "x,at,tag,y\n1.5,1970-01-01T00:00:00.000Z,a,3\n-0,2023-11-14T22:13:20.000Z,,-0\n");
    const { id } = await jobs.submit("doubles", "in.csv", "n,x\n007,1\n008,2\n", { keep: ["n"], output: { name: "out.parquet" } });
    assert.equal((await jobs.end(id)).state, "succeeded");
    assert.deepEqual(tableIn(await jobs.outputBytes(id)), { values: { n: ["007", "008"], y: [2, 4] }, types: ["text", "64-bit floats"] });
    const json = '{"x":1,"n":9007199254740993}\n{"x":2,"n":"b"}\n';
    const { id: second } = await jobs.submit("doubles", "in.jsonl", json, { keep: ["n"], output: { name: "out.feather" } });
    assert.equal((await jobs.end(second)).state, "succeeded");
    assert.deepEqual(tableIn(await jobs.outputBytes(second)), { values: { n: ["9007199254740993", "b"], y: [2, 4] }, types: ["text", "64-bit floats"] });
  });

  test("each data type has a column of its own, and rows that fail are told of with what they hold", async () => {
    const columns = Object.fromEntries(Object.entries(ECHOED).map(([type, [of, value]]) => [`x_${type}`, [of, [value, value, null]] as const]));
    const { id } = await jobs.submit("echo_datatypes-python", "in.arrow", arrowOf(columns));
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.failedRows], ["succeeded", 1], job.reason);
    const { values, types } = tableIn(await jobs.outputBytes(id));
    for (const [type, [, value]] of Object.entries(ECHOED)) assert.deepEqual(values[`y_${type}`], [value, value], type);
    assert.ok(types.includes("8-bit integers") && types.includes("unsigned 64-bit integers") && types.includes("16-bit floats"), types.join());
    const [failed] = await jobs.errors(id);
    assert.match(failed?.cause ?? "", /is null, and the model has no value for a missing/);
  });

  test("a column of lists is a matrix, and so is the answer", async () => {
    const lists = new List(new Field("item", new Int32(), true));
    const { id } = await jobs.submit("matrix-python", "in.arrow", arrowOf({ x: [lists, [[1, 2, 3], [4, 5, 6], [7]]] }), { output: { name: "out.parquet" } });
    assert.equal((await jobs.end(id)).state, "succeeded");
    assert.deepEqual(tableIn(await jobs.outputBytes(id)), { values: { y: [[10, 21, 32], [40, 51, 62], [70]] }, types: ["lists of 32-bit integers"] });
  });

  test("a matrix is a list in a cell", async () => {
    const output = await jobs.score("matrix-python", "in.csv", 'x\n"[1,2,3]"\n"[4,5,6]"\n');
    assert.ok(output.split("\n").length > 2, output);
  });

  test("what can never run is refused at once", async () => {
    assert.match(await failureOf(jobs.submit("nowhere", "in.csv", "x\n")), /'nowhere' is not found/);
    assert.match(await failureOf(jobs.submit("once", "in.csv", "x\n")), /idempotent: false/);
    assert.match(await failureOf(jobs.submit("doubles", "in.txt", "x\n")), /nothing says how 'in.txt' is written/);
    assert.match(await failureOf(jobs.submit("doubles", "in.parquet.gz", "")), /compressed within, and 'in.parquet.gz' says gzip around one/);
    assert.match(await failureOf(jobs.submit("doubles", "in.jsonl", "", { keep: ["*"], output: { name: "o.parquet" } })), /no columns that all rows share/);
    assert.match(await failureOf(jobs.submit("doubles", "in.csv", "x\n", { maxFailedRows: "some" })), /write a number such as "100"/);
    assert.match(await failureOf(jobs.client.get("none")), /there is no job 'none'/);
  });

  test("the same idempotency key is the same job", async () => {
    const [first, second, other] = await Promise.all(
      ["k", "k", "l"].map((idempotencyKey) =>
        jobs.client.submit({ model: "doubles", version: "", input: { name: "a.csv" }, output: {}, keep: [], maxFailedRows: "", priority: 0, idempotencyKey }),
      ),
    );
    assert.equal(first?.id, second?.id);
    assert.notEqual(first?.id, other?.id);
    assert.deepEqual([first?.state, first?.awaitsUpload], ["queued", true]);
  });

  test("a cancelled job stops within a second, and a retry does only what is left", async () => {
    const rows = 400;
    const { id } = await jobs.submit("slow", "in.csv", column(rows));
    await jobs.until(id, ({ doneRows }) => doneRows > 0);
    assert.equal((await jobs.client.change("Cancel", id)).state, "cancelled");
    // The slot is free for others: this answer comes from it.
    await server.client.infer("slow", [tensor("x", "INT32", [rows])], { deadline: Date.now() + 1000 });
    const { doneRows } = await jobs.client.get(id);
    assert.match(await failureOf(jobs.output(id)), /the job is cancelled/);
    await jobs.client.change("Retry", id);
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.doneRows], ["succeeded", rows], job.reason);
    assert.equal(await jobs.output(id), column(rows).replace("x", "y"));
    const begun = [...server.log.text.matchAll(/"begun (\d+)"/g)].map(([, row]) => Number(row));
    for (let row = 0; row < doneRows; row++) assert.equal(begun.filter((each) => each === row).length, 1, `row ${row} was committed and ran again`);
  });

  test("a paused job waits until it is resumed", async () => {
    const { id } = await jobs.submit("slow", "in.csv", column(200));
    await jobs.until(id, ({ doneRows }) => doneRows > 0);
    assert.equal((await jobs.client.change("Pause", id)).state, "paused");
    assert.match(await failureOf(jobs.client.change("Retry", id)), /the job is paused/);
    await jobs.client.change("Resume", id);
    assert.equal((await jobs.end(id)).state, "succeeded");
  });

  test("rows that were committed and have gone from the disk run again", async () => {
    const rows = 200;
    const { id } = await jobs.submit("slow", "in.csv", column(rows));
    await jobs.until(id, ({ doneRows }) => doneRows > 0);
    await jobs.client.change("Pause", id);
    truncateSync(join(state, "jobs", id, "part-0-1"), 10);
    await jobs.client.change("Resume", id);
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.doneRows], ["succeeded", rows], job.reason);
    assert.equal(await jobs.output(id), column(rows).replace("x", "y"));
  });

  test("a retry runs the rows again that the model failed, and no job without such rows", async () => {
    const { id } = await jobs.submit(
      "mendable",
      "in.csv",
      column(300, (row) => (row === 250 ? -1 : row)),
    );
    assert.equal((await jobs.end(id)).failedRows, 1);
    await server.client.infer("mendable", [tensor("x", "INT32", [777])]);
    await jobs.client.change("Retry", id);
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.failedRows, job.doneRows], ["succeeded", 0, 300]);
    assert.equal(await jobs.output(id), column(300, (row) => (row === 250 ? -1 : row)).replace("x", "y"));
    assert.match(await failureOf(jobs.client.change("Retry", id)), /nothing to run again/);
  });
});
