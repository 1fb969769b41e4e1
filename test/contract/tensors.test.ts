// Tensors of numbers, one or several by name: their layout, and what each caller gets of a merged frame.
import assert from "node:assert/strict";
import { ENCODINGS } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { framesDuring } from "../support/merging.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

const MAX_ROWS = 32;

/** A matrix whose elements tell the request, the row and the column. */
function matrixInput(request: number, rows: number, columns: number): SentTensor {
  const elements = Array.from({ length: rows * columns }, (_, i) => 1000 * request + i);
  return tensor("x", "INT32", elements, [rows, columns]);
}

function matrixOutput(request: number, rows: number, columns: number): SentTensor {
  const elements = Array.from({ length: rows * columns }, (_, i) => 10 * (1000 * request + i) + (i % columns));
  return tensor("y", "INT32", elements, [rows, columns]);
}

function matrix(subject: Subject): void {
  const { model, expect } = subject;
  const check = async (request: number, rows: number, columns: number): Promise<void> => {
    const { y } = await subject.server.client.infer(model, [matrixInput(request, rows, columns)]);
    assertSameTensor(y, matrixOutput(request, rows, columns));
  };

  for (const encoding of ENCODINGS) {
    expect(`rows and columns keep their places, sent as ${encoding} contents`, async () => {
      const { y } = await subject.server.client.infer(model, [matrixInput(0, 2, 3)], { encoding });
      assertSameTensor(y, matrixOutput(0, 2, 3));
    });
  }
  expect("one row is answered as one row", () => check(1, 1, 4));
  expect("one column is answered as one column", () => check(2, 4, 1));
  expect("a request of as many rows as a frame may have is answered", () => check(3, MAX_ROWS, 2));
  expect("no rows are answered with no rows", () => check(4, 0, 3));

  expect("each caller gets its own rows of a merged frame", async () => {
    const requests = Array.from({ length: 120 }, (_, i) => i);
    const { frames, runs } = await framesDuring(subject.server, model, () => Promise.all(requests.map((i) => check(i, 1 + (i % 3), 3))));
    assert.equal(runs, requests.length, "each request ran once");
    assert.ok(frames < runs, `${runs} requests ran in ${frames} frames`);
  });
  expect("requests that differ in their columns are answered apart", async () => {
    const requests = Array.from({ length: 60 }, (_, i) => i);
    await Promise.all(requests.map((i) => check(i, 1 + (i % 2), 1 + (i % 3))));
  });
}

function named(subject: Subject): void {
  const { model, expect } = subject;
  for (const encoding of ENCODINGS) {
    expect(`inputs and outputs meet by name, sent as ${encoding} contents`, async () => {
      const inputs = [tensor("b", "INT32", [1, 2], [1, 2]), tensor("a", "INT32", [10, 20], [1, 2])];
      const answer = await subject.server.client.infer(model, inputs, { encoding });
      assertSameTensor(answer["sum"], tensor("sum", "INT32", [11, 22], [1, 2]));
      assertSameTensor(answer["difference"], tensor("difference", "INT32", [9, 18], [1, 2]));
    });
  }
  expect("sums and differences reach the limits of the data type", async () => {
    const inputs = [tensor("a", "INT32", [2 ** 31 - 2, -(2 ** 31) + 2], [1, 2]), tensor("b", "INT32", [1, -1], [1, 2])];
    const answer = await subject.server.client.infer(model, inputs);
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 ** 31 - 1, -(2 ** 31) + 1], [1, 2]));
    assertSameTensor(answer["difference"], tensor("difference", "INT32", [2 ** 31 - 3, -(2 ** 31) + 3], [1, 2]));
  });

  expect("no rows are answered with no rows, of as many columns as the signature says", async () => {
    const answer = await subject.server.client.infer(model, [tensor("a", "INT32", [], [0, 2]), tensor("b", "INT32", [], [0, 2])]);
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [], [0, 2]));
  });

  expect("each caller gets its own rows of every output of a merged frame", async () => {
    const check = async (i: number): Promise<void> => {
      const rows = 1 + (i % 2);
      const ofRows = (name: string, value: number): SentTensor => tensor(name, "INT32", new Array(rows * 2).fill(value), [rows, 2]);
      const answer = await subject.server.client.infer(model, [ofRows("a", 100 * i), ofRows("b", i)]);
      assertSameTensor(answer["sum"], ofRows("sum", 101 * i));
      assertSameTensor(answer["difference"], ofRows("difference", 99 * i));
    };
    const { frames, runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: 80 }, (_, i) => check(i))));
    assert.ok(frames < runs, `${runs} requests ran in ${frames} frames`);
  });
}

contract({ matrix, named });
