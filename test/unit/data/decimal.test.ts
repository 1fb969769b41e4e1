import assert from "node:assert/strict";
import { test } from "node:test";
import { decimalAt, wholeNumberAt } from "../../../src/data/decimal.ts";
import { Piece } from "../../../src/data/rows.ts";

function decimal(text: string): number {
  const bytes = Buffer.from(`x${text}x`);
  return decimalAt(new Piece(bytes), 1, bytes.length - 1);
}

function wholeNumber(text: string): number {
  const bytes = Buffer.from(`1${text}1`);
  return wholeNumberAt(bytes, 1, bytes.length - 1);
}

test("a decimal has the bits of its text's Number", () => {
  const texts = ["0", "-0", "+7", ".5", "5.", "-.25e2", "1e22", "1e23", "123456789012345e22", "9007199254740993", "9007199254740992.5", "0.1", "1E-5"];
  texts.push("0.000001", "1e-400", "1e400", "5e-324", "2.2250738585072011e-308", "000000000000000000000000000001.5", "1.7976931348623157e308", "8.5e-00022");
  texts.push(`0.${"0".repeat(10_010)}1e10011`, `1${"0".repeat(10_010)}e-10010`, `1e${"9".repeat(400)}`, `1e-${"9".repeat(400)}`);
  for (const text of texts) assert.ok(Object.is(decimal(text), Number(text)), text);
});

test("so it has for random doubles, in every way of writing them", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 20_000; i++) {
    view.setUint32(0, Math.random() * 2 ** 32);
    view.setUint32(4, Math.random() * 2 ** 32);
    const any = view.getFloat64(0);
    const usual = (Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 8);
    const digits = 1 + Math.floor(Math.random() * 20);
    for (const text of [any, usual].filter(Number.isFinite).flatMap((value) => [String(value), value.toPrecision(digits), value.toExponential(digits)]))
      assert.ok(Object.is(decimal(text), Number(text)), text);
  }
});

test("what is no plain decimal is not guessed at", () => {
  for (const text of ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "1,5", " 1", "1 ", "NaN", "inf", "0x10", "1_000", "١"])
    assert.ok(Number.isNaN(decimal(text)), text);
});

test("a whole number is one of up to 15 digits, and nothing else", () => {
  for (const text of ["0", "7", "-12", "123456789012345", "-123456789012345", "007"]) assert.equal(wholeNumber(text), Number(text));
  for (const text of ["", "-", "+1", "1.0", "1e3", "1234567890123456", " 1", "1 "]) assert.ok(Number.isNaN(wholeNumber(text)), text);
});
