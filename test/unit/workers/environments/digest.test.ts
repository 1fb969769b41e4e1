import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { environmentDigest } from "../../../../workers/environments/digest.ts";
import { temporaryFolder, writeFiles } from "../../../support/folders.ts";

/** For each language: files of an environment, and what an upgrade makes of one of them. */
const UPGRADES: readonly [language: string, before: Record<string, string>, after: Record<string, string>][] = [
  ["python", { "lib/python3.12/site-packages/numpy-2.0.0.dist-info/METADATA": "" }, { "lib/python3.12/site-packages/numpy-2.0.1.dist-info/METADATA": "" }],
  ["r", { "forest/DESCRIPTION": "Package: forest\nVersion: 4.7-1\n" }, { "forest/DESCRIPTION": "Package: forest\nVersion: 4.7-2\n" }],
  ["node", { "node_modules/.package-lock.json": '{"ml-cart": "1.0.0"}' }, { "node_modules/.package-lock.json": '{"ml-cart": "1.0.1"}' }],
  ["java", { "tribuo-core-4.3.1.jar": "" }, { "tribuo-core-4.3.2.jar": "" }],
];

describe("the digest of an environment", () => {
  for (const [language, before, after] of UPGRADES) {
    test(`is the same for the same packages wherever they lie, and another after an upgrade (${language})`, (t) => {
      const [here, there] = [temporaryFolder(t), temporaryFolder(t)];
      const place = (files: Record<string, string>) =>
        Object.fromEntries(Object.entries(files).map(([path, text]) => [`environments/${language}/${path}`, text]));
      for (const folder of [here, there]) writeFiles(folder, place(before));
      const first = environmentDigest(language, "1.0", here);
      assert.match(first, /^[0-9a-f]{64}$/);
      assert.equal(environmentDigest(language, "1.0", there), first);
      writeFiles(there, place(after));
      assert.notEqual(environmentDigest(language, "1.0", there), first);
    });
  }

  test("takes what cannot be read for a package without a version", (t) => {
    const data = temporaryFolder(t, { "environments/r/forest/DESCRIPTION/none": "" });
    assert.match(environmentDigest("r", "4.3", data), /^[0-9a-f]{64}$/);
  });

  test("is another for another version of the language, and for another language", (t) => {
    const data = temporaryFolder(t);
    const digests = [environmentDigest("node", "24.1.0", data), environmentDigest("node", "24.2.0", data), environmentDigest("java", "24.1.0", data)];
    assert.equal(new Set(digests).size, 3);
  });
});
