import assert from "node:assert/strict";
import { mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { IdiomError } from "../../../src/core/errors.ts";
import { Roots } from "../../../src/data/roots.ts";
import { temporaryFolder } from "../../support/folders.ts";

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof IdiomError, String(error));
    return error.code;
  }
  return "";
}

function world(test: TestContext): { readonly folder: string; readonly roots: Roots } {
  const folder = realpathSync(temporaryFolder(test, { "in/a.csv": "x\n", "secret.csv": "x\n", "in-too/b.csv": "x\n" }));
  mkdirSync(join(folder, "in", "sub"));
  symlinkSync("../secret.csv", join(folder, "in", "link.csv"));
  symlinkSync("..", join(folder, "in", "up"));
  return { folder, roots: new Roots([join(folder, "in")]) };
}

describe("with a root", () => {
  test("files below it can be read and written", (t) => {
    const { folder, roots } = world(t);
    assert.equal(roots.readable(join(folder, "in", "a.csv")), join(folder, "in", "a.csv"));
    assert.equal(roots.readable(join(folder, "in", "sub", "..", "a.csv")), join(folder, "in", "a.csv"));
    assert.equal(roots.writable(join(folder, "in", "sub", "new.csv")), join(folder, "in", "sub", "new.csv"));
  });

  test("nothing outside of it can, by whatever way, and what is there is not told", (t) => {
    const { folder, roots } = world(t);
    const outside = ["secret.csv", "in/../secret.csv", "in/link.csv", "in/up/secret.csv", "in-too/b.csv", "nowhere.csv"];
    for (const path of outside)
      assert.equal(
        codeOf(() => roots.readable(`${folder}/${path}`)),
        "PATH_NOT_ALLOWED",
        path,
      );
    for (const path of ["new.csv", "in/../new.csv", "in/up/new.csv", "in-too/new.csv", "nowhere/new.csv"])
      assert.equal(
        codeOf(() => roots.writable(`${folder}/${path}`)),
        "PATH_NOT_ALLOWED",
        path,
      );
    assert.equal(
      codeOf(() => roots.readable("in/a.csv")),
      "PATH_NOT_ALLOWED",
    );
    assert.equal(
      codeOf(() => roots.readable(`${folder}/in/a.csv\0.txt`)),
      "PATH_NOT_ALLOWED",
    );
  });

  test("what is missing below it is said to be", (t) => {
    const { folder, roots } = world(t);
    assert.equal(
      codeOf(() => roots.readable(`${folder}/in/none.csv`)),
      "DATASET_INVALID",
    );
    assert.equal(
      codeOf(() => roots.readable(`${folder}/in/sub`)),
      "DATASET_INVALID",
    );
    assert.equal(
      codeOf(() => roots.writable(`${folder}/in/none/new.csv`)),
      "DATASET_INVALID",
    );
    assert.equal(
      codeOf(() => roots.writable(`${folder}/in/sub`)),
      "DATASET_INVALID",
    );
  });
});

test("without roots no path is allowed, and the way out is named", () => {
  assert.throws(() => new Roots([]).readable("/etc/passwd"), /\/etc\/passwd is not a path .* upload the file instead/);
});

test("a root that is no folder stops the start", (t) => {
  const folder = temporaryFolder(t, { file: "" });
  assert.equal(
    codeOf(() => new Roots([join(folder, "none")])),
    "CONFIG_INVALID",
  );
  assert.equal(
    codeOf(() => new Roots([join(folder, "file")])),
    "CONFIG_INVALID",
  );
});
