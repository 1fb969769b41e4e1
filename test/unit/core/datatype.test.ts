import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTENT_TYPES, contentTypeCode, DATATYPE_NAMES, DATATYPES, datatypeOfCode, isContentType, isDatatype } from "../../../src/core/datatype.ts";

test("the wire code of every data type leads back to it", () => {
  for (const name of DATATYPE_NAMES) assert.equal(datatypeOfCode(DATATYPES[name].code), name);
});

test("a code that no data type has leads to nothing", () => {
  for (const code of [0, 15, -1, 255]) assert.equal(datatypeOfCode(code), undefined);
});

test("only the protocol's own names are data types", () => {
  for (const name of ["FP32", "BF16", "BYTES"]) assert.equal(isDatatype(name), true);
  for (const name of ["fp32", "FLOAT", "", "toString", "constructor"]) assert.equal(isDatatype(name), false);
});

test("content types count from 1 on the wire, and none is 0", () => {
  assert.deepEqual(CONTENT_TYPES.map(contentTypeCode), [1, 2, 3, 4, 5]);
  assert.equal(contentTypeCode(null), 0);
});

test("only MLServer's names are content types", () => {
  for (const name of CONTENT_TYPES) assert.equal(isContentType(name), true);
  for (const name of ["", "NP", "text", "length"]) assert.equal(isContentType(name), false);
});
