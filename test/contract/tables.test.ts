// Tables and rows: columns with labels and missing values, functions of one row, and signatures that no model.yaml declares.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { framesDuring } from "../support/merging.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

interface Customer {
  readonly age: number;
  /** "" is missing. */
  readonly plan: string;
  /** -1 is missing. */
  readonly visits: bigint;
}

function tableInputs(customers: readonly Customer[]): SentTensor[] {
  return [
    tensor(
      "age",
      "FP64",
      customers.map((customer) => customer.age),
    ),
    tensor(
      "plan",
      "BYTES",
      customers.map((customer) => customer.plan),
    ),
    tensor(
      "visits",
      "INT64",
      customers.map((customer) => customer.visits),
    ),
  ];
}

function scores(customers: readonly Customer[]): SentTensor {
  return tensor(
    "score",
    "FP64",
    customers.map(({ age, plan }) => (plan === "" ? Number.NaN : 2 * age + (plan === "premium" ? 100 : 0))),
  );
}

function labels(customers: readonly Customer[]): SentTensor {
  return tensor(
    "label",
    "BYTES",
    customers.map(({ plan, visits }) => (plan === "" || visits === -1n ? "" : `${plan}:${visits}`)),
  );
}

function frame(subject: Subject): void {
  const { model, expect } = subject;
  const check = async (customers: readonly Customer[]): Promise<void> => {
    const answer = await subject.server.client.infer(model, tableInputs(customers));
    assertSameTensor(answer["score"], scores(customers));
    assertSameTensor(answer["label"], labels(customers));
  };

  expect("columns arrive by name and leave by name", () =>
    check([
      { age: 30, plan: "basic", visits: 3n },
      { age: 41.5, plan: "premium", visits: 0n },
    ]),
  );
  expect("typed contents are answered as raw ones are", async () => {
    const customers = [{ age: 30, plan: "premium", visits: 3n }];
    const answer = await subject.server.client.infer(model, tableInputs(customers), { encoding: "typed" });
    assertSameTensor(answer["label"], labels(customers));
  });
  expect("missing values arrive as missing and leave as the signature says", () =>
    check([
      { age: 30, plan: "", visits: 3n },
      { age: 30, plan: "basic", visits: -1n },
      { age: 30, plan: "", visits: -1n },
      { age: 50, plan: "premium", visits: 5n },
    ]),
  );
  expect("a missing number is NaN", () => check([{ age: Number.NaN, plan: "basic", visits: 1n }]));
  expect("integers beyond 2^53 stay exact beside a missing one", () =>
    check([
      { age: 1, plan: "basic", visits: 2n ** 53n + 1n },
      { age: 1, plan: "basic", visits: -1n },
      { age: 1, plan: "basic", visits: 2n ** 63n - 1n },
    ]),
  );
  expect("a table without rows is answered without rows", () => check([]));
  expect("columns of shape [n,1] are columns, too", async () => {
    const customers: Customer[] = [
      { age: 1, plan: "basic", visits: 1n },
      { age: 2, plan: "premium", visits: 2n },
    ];
    const columns = tableInputs(customers).map((input) => ({ ...input, shape: [2, 1] }));
    const answer = await subject.server.client.infer(model, columns);
    assertSameTensor(answer["score"], scores(customers));
  });

  expect("a label that the signature does not list is refused by value and row", async () => {
    const customers = [
      { age: 30, plan: "basic", visits: 3n },
      { age: 30, plan: "gold", visits: 3n },
    ];
    const error = await failureOf(subject.server.client.infer(model, tableInputs(customers)));
    assert.deepEqual([error.code, errorCode(error)], [status.INVALID_ARGUMENT, "INVALID_INPUT"]);
    assert.match(error.details, /'?plan'?.*row 1.*gold|gold.*row 1/);
  });

  expect("each caller gets its own rows of a merged frame, and its own error", async () => {
    const plans = ["basic", "premium", "", "gold"];
    const call = async (i: number): Promise<void> => {
      const customers = Array.from({ length: 1 + (i % 3) }, (_, row) => ({ age: i, plan: plans[i % 4] as string, visits: BigInt(10 ** row) }));
      if (i % 4 !== 3) return check(customers);
      const error = await failureOf(subject.server.client.infer(model, tableInputs(customers)));
      assert.equal(errorCode(error), "INVALID_INPUT");
    };
    const { frames, runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: 80 }, (_, i) => call(i))));
    assert.ok(frames < runs, `${runs} runs in ${frames} frames`);
  });
}

function rowInputs(ages: readonly number[], plans: readonly string[]): SentTensor[] {
  return [tensor("age", "FP64", ages), tensor("plan", "BYTES", plans)];
}

/** The behaviours `row` and `inferred` differ only in how the signature is known. */
function rowsOf(output: string): (subject: Subject) => void {
  return (subject) => {
    const { model, expect } = subject;
    const check = async (ages: readonly number[], plans: readonly string[]): Promise<void> => {
      const answer = await subject.server.client.infer(model, rowInputs(ages, plans));
      assertSameTensor(
        answer[output],
        tensor(
          output,
          "FP64",
          ages.map((age, i) => age / 100 + (plans[i] === "premium" ? 1 : 0)),
        ),
      );
    };

    expect("the metadata tells names, data types and shapes", async () => {
      const metadata = await subject.server.client.call<{ inputs: object[]; outputs: object[] }>("ModelMetadata", { name: model });
      assert.deepEqual(metadata.inputs, [
        { name: "age", datatype: "FP64", shape: ["-1"] },
        { name: "plan", datatype: "BYTES", shape: ["-1"] },
      ]);
      assert.deepEqual(metadata.outputs, [{ name: output, datatype: "FP64", shape: ["-1"] }]);
    });
    expect("one row is answered", () => check([42], ["premium"]));
    expect("each row of a request is answered by itself", () => check([1, 2.5, 33, 100], ["basic", "premium", "", "Größe"]));
    expect("no rows are answered with no rows", () => check([], []));
  };
}

function row(subject: Subject): void {
  const { model, expect } = subject;
  rowsOf("p")(subject);
  expect("rows of many callers run in one frame", async () => {
    const call = async (i: number): Promise<void> => {
      const answer = await subject.server.client.infer(model, rowInputs([i, i + 0.5], ["basic", "premium"]));
      assertSameTensor(answer["p"], tensor("p", "FP64", [i / 100, (i + 0.5) / 100 + 1]));
    };
    const { frames, runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: 120 }, (_, i) => call(i))));
    assert.equal(runs, 120);
    assert.ok(frames < runs, `${runs} requests ran in ${frames} frames`);
  });
}

contract({ frame, row, inferred: rowsOf("output") });
