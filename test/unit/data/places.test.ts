import assert from "node:assert/strict";
import { test } from "node:test";
import { Places, type PlacesOptions } from "../../../src/data/places.ts";
import { processFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

const S3: PlacesOptions["s3"] = { endpoint: null, region: "us-east-1", accessKeyId: "A", secretAccessKey: "S", sessionToken: null, pathStyle: null };

test("buckets are named by their host at Amazon, and in the path elsewhere, unless it is said", () => {
  const styleOf = (change: Partial<PlacesOptions["s3"]>): boolean | undefined =>
    new Places({ batchRoots: ["s3://bucket"], s3: { ...S3, ...change } }).s3?.pathStyle;
  assert.deepEqual([styleOf({}), styleOf({ pathStyle: true })], [false, true]);
  assert.deepEqual([styleOf({ endpoint: "http://here" }), styleOf({ endpoint: "http://here", pathStyle: false })], [true, false]);
});

test("a bucket among the roots needs keys, and only then", () => {
  const keyless = { ...S3, secretAccessKey: null };
  assert.equal(new Places({ batchRoots: [processFolder()], s3: keyless }).s3, null);
  assert.throws(
    () => new Places({ batchRoots: ["s3://bucket"], s3: keyless }),
    idiomError("CONFIG_INVALID", /set IDIOM_S3_ACCESS_KEY_ID and IDIOM_S3_SECRET_ACCESS_KEY/),
  );
});

test("a root that names no bucket stops the start", () => {
  for (const root of ["s3://", "s3://Bucket", "s3://bucket/../other"])
    assert.throws(() => new Places({ batchRoots: [root], s3: S3 }), idiomError("CONFIG_INVALID", /^batchRoots \(IDIOM_BATCH_ROOTS\): /), root);
});

test("an object is refused where there is no bucket among the roots", async () => {
  const places = new Places({ batchRoots: [processFolder()], s3: S3 });
  await assert.rejects(places.readable("s3://bucket/a.csv"), idiomError("PATH_NOT_ALLOWED", /it has no root in S3 \(IDIOM_BATCH_ROOTS\)$/));
});
