// Folders that live as long as one test.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** A new folder with `files` (path below it -> content), removed after the test. */
export function temporaryFolder(test: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "idiom-test-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFiles(folder, files);
  return folder;
}

const ofProcess: string[] = [];
process.once("exit", () => {
  for (const folder of ofProcess) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder, removed when this process ends. */
export function processFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "idiom-test-"));
  ofProcess.push(folder);
  return folder;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
