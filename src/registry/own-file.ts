// What the host itself reads of a model's folder, outside of any sandbox: a link may lead to what is the host's own, a pipe may never end, a
// device may hold all the memory there is.
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { IdiomError } from "../core/errors.ts";

/**
 * Where a file of a model's folder lies. Links are followed, as long as they stay within the folder.
 * @throws IdiomError MODEL_INVALID naming the file
 */
export function ownFile(folder: string, file: string): string {
  try {
    const path = realpathSync(join(folder, file));
    if (path.startsWith(`${realpathSync(folder)}${sep}`) && statSync(path).isFile()) return path;
  } catch (error) {
    throw new IdiomError("MODEL_INVALID", `${file}: ${(error as Error).message}`);
  }
  throw new IdiomError("MODEL_INVALID", `${file}: it leads out of the model's folder, or is no plain file; put the file itself there`);
}

/** Its text. @throws IdiomError MODEL_INVALID naming the file */
export function readOwnFile(folder: string, file: string, maxBytes: number): string {
  const path = ownFile(folder, file);
  const { size } = statSync(path);
  if (size > maxBytes) throw new IdiomError("MODEL_INVALID", `${file}: it has ${size} bytes, and may have ${maxBytes}`);
  return readFileSync(path, "utf8");
}
