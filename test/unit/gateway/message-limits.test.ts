import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { messageBomb } from "../../../src/gateway/message-limits.ts";

/** A ModelInferRequest with one input that has this field, packed. */
function request(field: number, payload: Buffer): Buffer {
  const tag = (number: number): number => (number << 3) | 2;
  const input = protobuf.Writer.create().uint32(tag(field)).bytes(payload).finish();
  return Buffer.from(protobuf.Writer.create().uint32(tag(5)).bytes(input).finish());
}

test("a shape of millions of dimensions is not decoded", () => {
  assert.match(messageBomb(request(3, Buffer.alloc(2_000_001, 1))) ?? "", /^the request has more than 2000000 separate values/);
});

test("what is large in itself is", () => {
  assert.equal(messageBomb(request(1, Buffer.alloc(8 * 2 ** 20, "x"))), null);
});
