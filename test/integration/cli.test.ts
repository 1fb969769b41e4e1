// The commands that a person types against a running server: what they print, where, and what they end with.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { type CommandResult, runCli } from "../support/cli.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, invalid: 5, unreachable: 6 };

/** A table, with a missing value where a column allows one. */
const CUSTOMERS = {
  "model.yaml": `inputs:
  - {name: age, datatype: FP64, shape: [-1]}
  - {name: plan, datatype: BYTES, shape: [-1], levels: [basic, premium]}
  - {name: id, datatype: INT64, shape: [-1]}
outputs:
  - {name: score, datatype: FP64, shape: [-1]}
  - {name: label, datatype: BYTES, shape: [-1]}
content_type: pd
`,
  "model.mjs": "export default (rows) => rows.map(({ age, plan, id }) => ({ score: 2 * age, label: plan + ', ' + id }));\n",
};

describe("the command line", { concurrency: true }, () => {
  let server: Server;
  let folder: string;
  before(async () => {
    const models = new ModelsFolder().add("customers", CUSTOMERS).addFixture("fails_to_load", "node", "broken").addFixture("matrix", "node", "matrix");
    folder = new ModelsFolder().path;
    server = await startServer({ models: models.path });
  });
  after(() => server.stop());

  const idiom = (args: readonly string[], stdin?: string): Promise<CommandResult> =>
    runCli(args, { env: { IDIOM_SERVER: server.address }, ...(stdin === undefined ? {} : { stdin }) });
  /** The standard output of a command that must succeed. */
  const output = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await idiom(args);
    assert.deepEqual([code, stderr], [EXIT.ok, ""]);
    return stdout;
  };
  /** The error of a command that must fail, and says nothing to standard output. */
  const failure = async (code: number, ...args: string[]): Promise<string> => {
    const result = await idiom(args);
    assert.deepEqual([result.code, result.stdout], [code, ""], result.stderr);
    return result.stderr;
  };
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  describe("get models", () => {
    test("prints a table", async () => {
      const lines = (await output("get", "models"))
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/));
      assert.deepEqual(lines, [
        ["NAME", "VERSION", "STATE", "RUNTIME"],
        ["broken", "1", "failed", "node"],
        ["customers", "1", "ready", "node"],
        ["matrix", "1", "ready", "node"],
      ]);
    });

    test("-o wide adds the reason", async () => {
      assert.match(await output("get", "models", "-o", "wide"), /^broken .*cannot find the weights$/m);
    });

    test("-o name prints names alone", async () => {
      assert.equal(await output("get", "models", "-o", "name"), "broken\ncustomers\nmatrix\n");
    });

    test("-o json and -o yaml print the same", async () => {
      const json = JSON.parse(await output("get", "models", "-o", "json")) as { name: string }[];
      assert.deepEqual(
        json.map(({ name }) => name),
        ["broken", "customers", "matrix"],
      );
      assert.deepEqual(parse(await output("get", "models", "-o", "yaml")), json);
    });

    test("of a server without models prints an empty list and succeeds", async () => {
      const empty = await startServer({ models: new ModelsFolder().path });
      try {
        const { code, stdout } = await runCli(["get", "models", "-o", "json", "--server", empty.address]);
        assert.deepEqual([code, stdout], [EXIT.ok, "[]\n"]);
      } finally {
        await empty.stop();
      }
    });
  });

  describe("describe model", () => {
    test("prints state, inputs and outputs", async () => {
      const text = await output("describe", "model", "customers");
      for (const line of [/^Name: +customers$/m, /ready/i, /^ +age +FP64 +\[-1\]$/m, /^ +label +BYTES +\[-1\]$/m]) assert.match(text, line);
    });

    test("-o json prints each version, with data types and shapes as data", async () => {
      interface Description {
        readonly inputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
      }
      const versions = JSON.parse(await output("describe", "model", "matrix", "-o", "json")) as Description[];
      assert.deepEqual(
        versions.map(({ inputs }) => inputs.map(({ name, datatype, shape }) => [name, datatype, shape])),
        [[["x", "INT32", [-1, -1]]]],
      );
    });

    test("tells why a model is not ready", async () => {
      assert.match(await output("describe", "model", "broken"), /cannot find the weights/);
    });

    test("of an unknown model is 'not found'", async () => {
      assert.match(await failure(EXIT.notFound, "describe", "model", "nobody"), /^error: .*'nobody'/);
    });
  });

  describe("predict", () => {
    const pairs = ["-i", "age=20.5", "-i", "plan=basic", "-i", "id=9007199254740993"];

    test("with values prints a table; integers beyond 2^53 stay exact", async () => {
      assert.equal(await output("predict", "customers", ...pairs), "SCORE   LABEL\n41      basic, 9007199254740993\n");
    });

    test("-o json prints the protocol's own JSON", async () => {
      assert.deepEqual(JSON.parse(await output("predict", "customers", ...pairs, "-o", "json")), {
        outputs: [
          { name: "score", datatype: "FP64", shape: [1], data: [41] },
          { name: "label", datatype: "BYTES", shape: [1], data: ["basic, 9007199254740993"] },
        ],
      });
    });

    test("with a JSON value for a tensor of several dimensions", async () => {
      const { outputs } = JSON.parse(await output("predict", "matrix", "-i", "x=[[1,2],[3,4]]", "-o", "json")) as { outputs: object[] };
      assert.deepEqual(outputs, [{ name: "y", datatype: "INT32", shape: [2, 2], data: [10, 21, 30, 41] }]);
    });

    test("with a row, rows, or the protocol's own JSON, from a file or standard input", async () => {
      const row = { age: 1, plan: "basic", id: 7 };
      const one = "SCORE   LABEL\n2       basic, 7\n";
      assert.equal(await output("predict", "customers", "--json", JSON.stringify(row)), one);
      assert.equal(await output("predict", "customers", "--json", `@${file("rows.json", JSON.stringify([row]))}`), one);
      const inputs = [
        { name: "age", datatype: "FP64", shape: [1], data: [1] },
        { name: "plan", datatype: "BYTES", shape: [1], data: ["basic"] },
        { name: "id", datatype: "INT64", shape: [1], data: [7] },
      ];
      assert.equal((await idiom(["predict", "customers", "--json", "@-"], JSON.stringify({ inputs }))).stdout, one);
    });

    test("with a CSV file prints CSV, over as many requests as it takes", async () => {
      const rows = Array.from({ length: 5 }, (_, i) => `extra,${i},premium,${i}`);
      const csv = file("in.csv", `other,age,plan,id\n${rows.join("\n")}\n`);
      const expected = rows.map((_, i) => `${2 * i},"premium, ${i}"\n`).join("");
      assert.equal(await output("predict", "customers", "--csv", csv, "--rows", "2"), `score,label\n${expected}`);
    });

    test("of an unknown model or version is 'not found'", async () => {
      assert.match(await failure(EXIT.notFound, "predict", "nobody", "-i", "x=1"), /^error: Request for unknown model: 'nobody' is not found/);
      assert.match(await failure(EXIT.notFound, "predict", "customers", "--model-version", "9", ...pairs), /version 9 is not found/);
    });

    for (const [what, args, message] of [
      ["a missing input", ["-i", "age=1", "-i", "id=1"], /input 'plan' \(BYTES\) is missing/],
      ["an unknown input", [...pairs, "-i", "colour=red"], /model 'customers' has no input 'colour'; it has age \(FP64\), plan \(BYTES\), id \(INT64\)/],
      ["a value of another type", ["-i", "age=old", "-i", "plan=basic", "-i", "id=1"], /input 'age': "old" is no FP64/],
      ["a value that the model refuses", ["-i", "age=1", "-i", "plan=gold", "-i", "id=1"], /gold/],
      ["JSON that is none", ["--json", "{"], /^error: --json: /],
      ["a file that is not there", ["--csv", "/nowhere/in.csv"], /\/nowhere\/in\.csv/],
    ] as const) {
      test(`with ${what} is 'invalid' and says so`, async () => {
        assert.match(await failure(EXIT.invalid, "predict", "customers", ...args), message);
      });
    }

    test("with the inputs given two ways, or none, is wrong usage", async () => {
      assert.match(await failure(EXIT.usage, "predict", "customers"), /give the inputs one way/);
      assert.match(await failure(EXIT.usage, "predict", "customers", "--json", "{}", ...pairs), /give the inputs one way/);
    });

    test("of a model that is not ready fails with its reason", async () => {
      assert.match(await failure(EXIT.failed, "predict", "broken", "-i", "x=1"), /cannot find the weights/);
    });
  });

  describe("wrong usage", () => {
    for (const args of [["frobnicate"], ["get"], ["get", "models", "-o", "xml"], ["predict"], ["describe", "model"]]) {
      test(`idiom ${args.join(" ")}`, async () => {
        assert.equal((await idiom(args)).code, EXIT.usage);
      });
    }
  });

  test("a server that is not there is 'unreachable' and says how to start one", async () => {
    for (const args of [
      ["get", "models"],
      ["describe", "model", "m"],
      ["predict", "m", "-i", "x=1"],
    ]) {
      const { code, stdout, stderr } = await runCli([...args, "--server", "127.0.0.1:1"]);
      assert.deepEqual([code, stdout], [EXIT.unreachable, ""]);
      assert.match(stderr, /^error: no Idiom answers at 127\.0\.0\.1:1 \(connect ECONNREFUSED\)\nStart one with: npm start/);
    }
  });

  describe("doctor", () => {
    interface Finding {
      readonly what: string;
      readonly verdict: string;
      readonly detail: string;
    }

    test("-o json tells what each check found; a broken model is a problem and exit code 1", async () => {
      const models = new ModelsFolder().add("odd", { "model.yaml": "runtime: 7\n" });
      const { code, stdout } = await runCli(["doctor", "-o", "json"], { env: { IDIOM_MODELS: models.path, IDIOM_GRPC_PORT: "0", IDIOM_HTTP_PORT: "0" } });
      const findings = JSON.parse(stdout) as Finding[];
      assert.equal(code, EXIT.failed);
      assert.equal(findings.find(({ what }) => what === "Idiom's Node")?.verdict, "ok");
      assert.equal(findings.find(({ what }) => what === "node")?.verdict, "ok");
      const broken = findings.find(({ what }) => what === "model odd");
      assert.equal(broken?.verdict, "problem");
      assert.match(broken.detail, /model\.yaml:1:10: runtime:/);
    });

    test("a taken port is a warning that names the setting", async () => {
      const port = server.address.split(":")[1] as string;
      const { stdout } = await runCli(["doctor"], { env: { IDIOM_MODELS: new ModelsFolder().path, IDIOM_GRPC_PORT: port } });
      assert.match(stdout, new RegExp(`^gRPC port +warning +127\\.0\\.0\\.1:${port} is not free.*IDIOM_GRPC_PORT`, "m"));
    });

    test("a door that would stand open to others is a problem, with what to do", async () => {
      const { code, stdout } = await runCli(["doctor"], { env: { IDIOM_HOST: "0.0.0.0", IDIOM_STATE: folder, IDIOM_MODELS: new ModelsFolder().path } });
      assert.equal(code, EXIT.failed);
      assert.match(stdout, /^door +problem +IDIOM_HOST=0\.0\.0\.0 would open Idiom to other machines in plain text/m);
    });

    test("a models folder that is not there is a problem", async () => {
      const { code, stdout } = await runCli(["doctor"], { env: { IDIOM_MODELS: join(folder, "missing") } });
      assert.equal(code, EXIT.failed);
      assert.match(stdout, /^models +problem +.*IDIOM_MODELS/m);
    });
  });
});
