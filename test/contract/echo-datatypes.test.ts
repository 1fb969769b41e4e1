// Every data type passes through every language and comes back bit for bit.
import { ENCODINGS } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { assertSameTensor, type Element, rawTensor, type SentTensor, tensor } from "../support/tensors.ts";

const LIMITS: Readonly<Record<string, readonly Element[]>> = {
  BOOL: [false, true],
  INT8: [-128, -1, 0, 1, 127],
  INT16: [-32768, -1, 0, 1, 32767],
  INT32: [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1],
  INT64: [-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  UINT8: [0, 1, 255],
  UINT16: [0, 1, 65535],
  UINT32: [0, 1, 2 ** 31, 2 ** 32 - 1],
  UINT64: [0n, 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n],
  // Zeros, the smallest and greatest subnormal, the smallest normal, one, the greatest, infinities.
  FP16: [0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0xfc00],
  BF16: [0x0000, 0x8000, 0x0001, 0x007f, 0x0080, 0x3f80, 0x7f7f, 0xff7f, 0x7f80, 0xff80],
  FP32: [0, -0, 2 ** -149, 2 ** -126 - 2 ** -149, 2 ** -126, 1 / 3, (2 - 2 ** -23) * 2 ** 127, -((2 - 2 ** -23) * 2 ** 127), Infinity, -Infinity],
  FP64: [0, -0, Number.MIN_VALUE, 2 ** -1022, 1 / 3, Number.MAX_VALUE, -Number.MAX_VALUE, Infinity, -Infinity],
  BYTES: ["", "text", "a\0b", Buffer.from([0xff, 0xfe, 0xc3, 0x28]), "Größe 🐧", Buffer.alloc(70_000, "x")],
};

const QUIET_NANS: Readonly<Record<string, string>> = {
  FP16: "007e 00fe 237e",
  BF16: "c07f c0ff c37f",
  FP32: "0000c07f 0000c0ff 4523c17f",
  FP64: "000000000000f87f 000000000000f8ff efcdab896745f87f",
};

const SIGNALLING_NANS: Readonly<Record<string, string>> = {
  FP16: "017c 01fc",
  BF16: "817f 81ff",
  FP32: "0100807f 010080ff",
  FP64: "010000000000f07f 010000000000f0ff",
};

function inputName(datatype: string): string {
  return `x_${datatype.toLowerCase()}`;
}

function outputName(datatype: string): string {
  return `y_${datatype.toLowerCase()}`;
}

/** A whole request: `given`, and every other input without elements. */
function inputsWith(given: SentTensor): SentTensor[] {
  return Object.keys(LIMITS).map((datatype) => (datatype === given.datatype ? given : tensor(inputName(datatype), datatype, [])));
}

function nans(datatype: string, hex: string): SentTensor {
  const patterns = hex.split(" ");
  return rawTensor(inputName(datatype), datatype, [patterns.length], Buffer.from(patterns.join(""), "hex"));
}

function echo(subject: Subject): void {
  const { model, expect } = subject;
  const comesBack = async (given: SentTensor, encoding: (typeof ENCODINGS)[number]): Promise<void> => {
    const answer = await subject.server.client.infer(model, inputsWith(given), { encoding });
    assertSameTensor(answer[outputName(given.datatype)], { ...given, name: outputName(given.datatype) });
  };

  for (const [datatype, elements] of Object.entries(LIMITS)) {
    const given = tensor(inputName(datatype), datatype, elements);
    for (const encoding of given.contents === null ? (["raw"] as const) : ENCODINGS) {
      expect(`${datatype} at its limits comes back bit for bit, sent as ${encoding} contents`, () => comesBack(given, encoding));
    }
  }
  for (const [datatype, hex] of Object.entries(QUIET_NANS)) {
    expect(`${datatype} NaN keeps its sign and payload`, () => comesBack(nans(datatype, hex), "raw"));
  }
  for (const [datatype, hex] of Object.entries(SIGNALLING_NANS)) {
    expect(`${datatype} signalling NaN stays signalling`, () => comesBack(nans(datatype, hex), "raw"));
  }

  expect("all data types pass in one request", async () => {
    const inputs = Object.entries(LIMITS).map(([datatype, elements]) => tensor(inputName(datatype), datatype, elements));
    const answer = await subject.server.client.infer(model, inputs);
    for (const input of inputs) assertSameTensor(answer[outputName(input.datatype)], { ...input, name: outputName(input.datatype) });
  });

  expect("tensors without elements come back without elements", async () => {
    const inputs = Object.keys(LIMITS).map((datatype) => tensor(inputName(datatype), datatype, []));
    const answer = await subject.server.client.infer(model, inputs);
    for (const input of inputs) assertSameTensor(answer[outputName(input.datatype)], { ...input, name: outputName(input.datatype) });
  });
}

contract({ echo_datatypes: echo });
