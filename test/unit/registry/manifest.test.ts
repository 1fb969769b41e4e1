import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Manifest } from "../../../src/core/model.ts";
import { parseManifest } from "../../../src/registry/manifest.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { hint, LIMITS, manifest } from "../../support/specs.ts";

const WHERE = "churn/model.yaml";

function parse(text: string, detected: string | null = "python"): Manifest {
  return parseManifest(text, WHERE, "churn", detected);
}

/** Everything that the manifest's text changes against one that says nothing. */
function changed(text: string): Partial<Manifest> {
  const defaults = parse("");
  return Object.fromEntries(Object.entries(parse(text)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key as keyof Manifest])));
}

function refusal(...problems: string[]): ReturnType<typeof idiomError> {
  return idiomError("MODEL_INVALID", problems.map((problem) => `${WHERE}:${problem}`).join("\n"));
}

test("an empty model.yaml means its defaults", () => {
  assert.deepEqual(parse(""), manifest({ name: "churn", runtime: "python" }));
});

test("a model.yaml of comments alone means its defaults", () => {
  assert.deepEqual(parse("# nothing yet\n"), parse(""));
});

describe("a field of model.yaml", () => {
  const FIELDS: readonly [text: string, changes: Partial<Manifest>][] = [
    ["name: Other-1.2_x", { name: "Other-1.2_x" }],
    ["runtime: r", { runtime: "r" }],
    ["entry: score.py:run", { entry: "score.py:run" }],
    ["requirements: requirements.txt", {}],
    ['python: ">=3.11"', {}],
    ['r: ">=4"', {}],
    ['java: "17"', {}],
    ['node: "24"', {}],
    [
      "inputs: [{name: x, datatype: FP32, shape: [-1, 4], content_type: np, na: 0, levels: [a, b]}]",
      { declared: { inputs: [hint("x", { datatype: "FP32", shape: [-1, 4], contentType: "np", na: 0, levels: ["a", "b"] })], outputs: null } },
    ],
    ["inputs: [{name: x}]", { declared: { inputs: [hint("x")], outputs: null } }],
    ["outputs: [{name: y, shape: []}]", { declared: { inputs: null, outputs: [hint("y", { shape: [] })] } }],
    ["content_type: pd", { contentType: "pd" }],
    ["batching: {max_size: 64}", { batching: { maxSize: 64, maxDelayMs: 0, maxBytes: 8 * 2 ** 20 }, maxRequestRows: 64 }],
    ["batching: {max_size: 8, max_delay: 5ms, max_bytes: 1MiB}", { batching: { maxSize: 8, maxDelayMs: 5, maxBytes: 2 ** 20 }, maxRequestRows: 8 }],
    ["instances: {min: 0, max: 3}", { instances: { min: 0, max: 3, fork: true, recycle: null } }],
    ["instances: {min: 2}", { instances: { min: 2, max: 2, fork: true, recycle: null } }],
    ["instances: {min: 0}", { instances: { min: 0, max: 1, fork: true, recycle: null } }],
    ["instances: {max: 4}", { instances: { min: 1, max: 4, fork: true, recycle: null } }],
    ["instances: {recycle: {requests: 100}}", { instances: { min: 1, max: 1, fork: true, recycle: { requests: 100, ageMs: null, memoryBytes: null } } }],
    [
      "instances: {recycle: {age: 1h, memory: 512MiB}}",
      { instances: { min: 1, max: 1, fork: true, recycle: { requests: null, ageMs: 3_600_000, memoryBytes: 512 * 2 ** 20 } } },
    ],
    ["limits: {timeout: 500ms}", { limits: { ...LIMITS, timeoutMs: 500 } }],
    [
      "limits: {memory: 512MiB, cpus: 2, pids: 10, tmp: 1MiB, network: none}",
      { limits: { ...LIMITS, memoryBytes: 2 ** 29, cpus: 2, pids: 10, tmpBytes: 2 ** 20 } },
    ],
    ["limits: {network: allow}", { limits: { ...LIMITS, network: true } }],
    ["golden: recorded/*.json", { golden: "recorded/*.json" }],
  ];

  for (const [text, changes] of FIELDS) {
    test(`is read: ${text}`, () => {
      assert.deepEqual(changed(text), changes);
    });
  }
});

describe("merging", () => {
  test("is on for a function that takes one row", () => {
    assert.deepEqual(changed("per: row"), { per: "row", batching: { maxSize: 64, maxDelayMs: 0, maxBytes: 8 * 2 ** 20 } });
  });

  test("follows what the author wrote for a function that takes one row", () => {
    assert.deepEqual(parse("per: row\nbatching: {max_size: 7}").batching, { maxSize: 7, maxDelayMs: 0, maxBytes: 8 * 2 ** 20 });
  });

  test("is off for a model that must not run twice, whatever else it says", () => {
    for (const text of ["idempotent: false\nper: row", "idempotent: false\nbatching: {max_size: 64}"]) {
      assert.deepEqual([parse(text).idempotent, parse(text).batching], [false, null]);
    }
  });
});

describe("the language", () => {
  test("is the folder's where model.yaml does not say it", () => {
    assert.equal(parse("", "java").runtime, "java");
  });

  test("is what model.yaml says where both say it", () => {
    assert.equal(parse("runtime: r", "java").runtime, "r");
  });

  test("is asked for where neither says it", () => {
    assert.throws(
      () => parse("", null),
      idiomError("MODEL_INVALID", 'churn/model.yaml: no file says which language this model is written in; add a line such as "runtime: python"'),
    );
  });
});

describe("an unknown key", () => {
  test("is shown where it stands, with the key that was meant", () => {
    assert.throws(() => parse("name: churn\n\nruntimes: python\n"), refusal("3:1: unknown key 'runtimes'; did you mean 'runtime'?"));
  });

  test("is recognised without its underscore or with a hyphen", () => {
    assert.throws(() => parse("contenttype: pd"), refusal("1:1: unknown key 'contenttype'; did you mean 'content_type'?"));
    assert.throws(() => parse("Content-Type: pd"), refusal("1:1: unknown key 'Content-Type'; did you mean 'content_type'?"));
  });

  test("that resembles none is answered with those that there are", () => {
    assert.throws(
      () => parse("owner: me"),
      refusal(
        "1:1: unknown key 'owner' (known: name, runtime, entry, requirements, python, r, java, node, inputs, outputs, content_type, per, idempotent, batching, instances, limits, golden)",
      ),
    );
  });

  test("inside another is shown where it stands", () => {
    assert.throws(() => parse("batching:\n  max_size: 3\n  max_rows: 4\n"), refusal("3:3: unknown key 'max_rows'"));
  });

  test("of a tensor is shown where it stands", () => {
    assert.throws(() => parse("inputs:\n  - name: x\n  - {name: y, dtype: FP32}\n"), refusal("3:15: unknown key 'dtype'"));
  });
});

describe("a wrong value is shown where it stands:", () => {
  const WRONG: readonly [what: string, text: string, problem: string | RegExp][] = [
    ["a name with a slash", "name: a/b", "1:7: name: letters, digits, '.', '_' and '-', beginning with a letter or digit"],
    ["a name that begins with a dot", "name: .hidden", "1:7: name: letters, digits, '.', '_' and '-', beginning with a letter or digit"],
    ["an empty entry", 'entry: ""', /1:8: entry: /],
    ["an unknown data type", "inputs:\n  - {name: x, datatype: FLOAT}", /2:25: inputs\.0\.datatype: /],
    ["a dimension below -1", "inputs: [{name: x, shape: [-2]}]", /1:28: inputs\.0\.shape\.0: /],
    ["a tensor without a name", "inputs:\n  - {datatype: FP32}", /2:5: inputs\.0\.name: /],
    ["no inputs at all", "inputs: []", /1:9: inputs: /],
    ["an unknown content type", "content_type: csv", /1:15: content_type: /],
    ["an unknown per", "per: column", /1:6: per: /],
    ["a text where yes or no is wanted", "idempotent: maybe", /1:13: idempotent: /],
    ["batching without its size", "batching: {max_delay: 5ms}", /1:11: batching\.max_size: /],
    ["a batch of no rows", "batching: {max_size: 0}", /1:22: batching\.max_size: /],
    ["a duration without its unit", "limits: {timeout: '30'}", '1:19: limits.timeout: "30" is not understood; write it like "500ms", "30s" or "5m"'],
    ["a size in another unit", "limits: {memory: 1GB}", '1:18: limits.memory: "1GB" is not understood; write it like "512MiB" or "1GiB"'],
    ["a time that no timer waits", "limits: {timeout: 597h}", "1:19: limits.timeout: at most 596h"],
    ["no time at all", "limits: {timeout: 0s}", "1:19: limits.timeout: more than 0"],
    ["no memory at all", "limits: {memory: 0GiB}", "1:18: limits.memory: more than 0"],
    ["fewer instances at most than at least", "instances: {min: 3, max: 2}", "1:12: instances: min is greater than max"],
    ["no instances at most", "instances: {max: 0}", /1:18: instances\.max: /],
    ["a network that cannot be had", "limits: {network: all}", /1:19: limits\.network: /],
    ["a list where a map is wanted", "- name: x", /1:1: /],
    ["a text where a map is wanted", "just words", /1:1: /],
  ];

  for (const [what, text, problem] of WRONG) {
    test(what, () => {
      assert.throws(
        () => parse(text),
        typeof problem === "string" ? refusal(problem) : idiomError("MODEL_INVALID", new RegExp(`^${WHERE.replace(".", "\\.")}:${problem.source}`)),
      );
    });
  }
});

test("every problem of a file is shown, a line each", () => {
  assert.throws(
    () => parse("name: a/b\nlimits: {memory: 1GB}\nwhat: 1\n"),
    (error: Error) => {
      assert.deepEqual(
        error.message
          .split("\n")
          .map((line) => /:(\d+):\d+: /.exec(line)?.[1])
          .sort(),
        ["1", "2", "3"],
      );
      return true;
    },
  );
});

describe("what is no YAML is shown where it breaks:", () => {
  test("a list that is not closed", () => {
    assert.throws(() => parse("name: churn\ninputs: [{name: x\n"), idiomError("MODEL_INVALID", /^churn\/model\.yaml:\d+:\d+: /));
  });

  test("a key that is there twice", () => {
    assert.throws(() => parse("name: a\nname: b\n"), refusal("2:1: Map keys must be unique"));
  });
});
