// What the host itself reads of a model's folder, outside of any sandbox.
import { lstatSync, readFileSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { IdiomError } from "../core/errors.ts";

/**
 * The text of a file of a model's folder. What a link leads to may be the host's own, a pipe may never end, a device may hold all the
 * memory there is: none of them is read.
 * @throws IdiomError MODEL_INVALID naming the file
 */
export function readOwnFile(folder: string, file: string, maxBytes: number): string {
  const path = join(folder, file);
  const stat = lstatSync(path);
  const root = `${realpathSync(folder)}${sep}`;
  if (!stat.isFile() || realpathSync(path) !== join(root, file) || !join(root, file).startsWith(root))
    throw new IdiomError("MODEL_INVALID", `${file}: this is a link or a device, which may lead out of the model's folder; put the file itself there`);
  if (stat.size > maxBytes) throw new IdiomError("MODEL_INVALID", `${file}: it has ${stat.size} bytes, and may have ${maxBytes}`);
  return readFileSync(path, "utf8");
}
