import assert from "node:assert/strict";
import { test } from "node:test";
import { parseS3, type S3Settings, urlOf } from "../../../../src/data/s3/address.ts";
import { idiomError } from "../../../support/idiom-error.ts";

const AMAZON: S3Settings = { endpoint: null, region: "eu-west-1", accessKeyId: "A", secretAccessKey: "S", sessionToken: null, pathStyle: false };

test("a bucket and a key are named together; a key is what stands behind the bucket, whatever it is", () => {
  assert.deepEqual(parseS3("s3://some.bucket/a/b c.csv"), { bucket: "some.bucket", key: "a/b c.csv" });
  assert.deepEqual(parseS3("s3://bucket/a//b"), { bucket: "bucket", key: "a//b" });
  assert.deepEqual(parseS3("s3://bucket"), { bucket: "bucket", key: "" });
});

test("what is no name of a bucket, or would lead elsewhere in an URL, is refused", () => {
  for (const path of ["s3://", "s3:///a", "s3://B/a", "s3://user@host/a", "s3://bucket:80/a", "s3://bucket?x/a"])
    assert.throws(() => parseS3(path), idiomError("INVALID_REQUEST", /names no bucket/), path);
  for (const path of ["s3://bucket/a/../b", "s3://bucket/..", "s3://bucket/./a"])
    assert.throws(() => parseS3(path), idiomError("INVALID_REQUEST", /has a part '\.' or '\.\.'/), path);
  assert.throws(() => parseS3(`s3://bucket/${"é".repeat(513)}`), idiomError("INVALID_REQUEST", /longer than 1024 bytes/));
});

test("an object's URL names its bucket in the host or in the path, and escapes all that has a meaning in one", () => {
  const address = { bucket: "b-1", key: "a b/c+(d)%?#é.csv" };
  const path = "a%20b/c%2B%28d%29%25%3F%23%C3%A9.csv";
  assert.equal(urlOf(address, AMAZON).href, `https://b-1.s3.eu-west-1.amazonaws.com/${path}`);
  assert.equal(urlOf(address, { ...AMAZON, pathStyle: true }).href, `https://s3.eu-west-1.amazonaws.com/b-1/${path}`);
  const own = { ...AMAZON, endpoint: "http://localhost:9000" };
  assert.equal(urlOf(address, { ...own, pathStyle: true }).href, `http://localhost:9000/b-1/${path}`);
  assert.equal(urlOf(address, own).href, `http://b-1.localhost:9000/${path}`);
});
