// The lines of an error's stack that lie in the author's files.
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** "at predict (file:///model/model.mjs:12:9)", "at async file:///model/model.mjs:3:1", "at Module.load (/model/old.cjs:1:2)" */
const FRAME = /^\s+at (?:async )?(?:(?<callee>.*?) \()?(?<file>(?:file:\/\/|\/).*?)(?:\?.*?)?:(?<line>\d+):\d+\)?$/;
const PACKAGES = `node_modules${sep}`;

/**
 * @param {Error} error
 * @param {string} folder the model's, as a real path
 * @returns {string[]} "model.mjs:12 in predict", innermost last
 */
export function traceback(error, folder) {
  if (typeof error.stack !== "string") return [];
  const lines = [];
  for (const text of error.stack.split("\n")) {
    const found = FRAME.exec(text)?.groups;
    if (found === undefined) continue;
    const path = relative(folder, found.file.startsWith("file:") ? fileURLToPath(found.file) : found.file);
    if (path.startsWith("..") || path.includes(PACKAGES)) continue;
    lines.unshift(`${path}:${found.line} in ${found.callee ?? "<anonymous>"}`);
  }
  return lines;
}
