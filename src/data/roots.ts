// Which paths of this machine jobs may read and write: those below the folders that the operator has named, links resolved.
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { IdiomError } from "../core/errors.ts";

export class Roots {
  readonly #roots: readonly string[];

  /** @throws IdiomError CONFIG_INVALID when one of them is no folder. */
  constructor(roots: readonly string[]) {
    this.#roots = roots.map((root) => {
      try {
        const real = realpathSync(root);
        if (statSync(real).isDirectory()) return real;
      } catch {}
      throw new IdiomError("CONFIG_INVALID", `batch.roots: ${root} is no folder`);
    });
  }

  /** The real path of a file to read. @throws IdiomError PATH_NOT_ALLOWED, DATASET_INVALID when there is no such file. */
  readable(path: string): string {
    const real = this.#resolve(path, () => realpathSync(path));
    if (!statSync(real).isFile()) throw new IdiomError("DATASET_INVALID", `${path} is no file`);
    return real;
  }

  /** The real path of a file to write. Its folder must be there. @throws IdiomError PATH_NOT_ALLOWED, DATASET_INVALID */
  writable(path: string): string {
    const real = this.#resolve(path, () => join(realpathSync(dirname(path)), basename(path)));
    if (statSync(real, { throwIfNoEntry: false })?.isDirectory() === true) throw new IdiomError("DATASET_INVALID", `${path} is a folder; name a file in it`);
    return real;
  }

  /** Whether there is a file outside the roots is nobody's business: only what lies below them can be missing. */
  #resolve(path: string, real: () => string): string {
    if (!isAbsolute(path)) throw new IdiomError("PATH_NOT_ALLOWED", `'${path}' is no absolute path; it is read by the server, not by the caller`);
    if (path.includes("\0")) throw new IdiomError("PATH_NOT_ALLOWED", "a path holds no NUL");
    let resolved: string;
    try {
      resolved = real();
    } catch (error) {
      if (this.#below(join(path))) throw new IdiomError("DATASET_INVALID", `${path} cannot be opened: ${(error as NodeJS.ErrnoException).code}`);
      throw this.#refused(path);
    }
    if (!this.#below(resolved)) throw this.#refused(path);
    return resolved;
  }

  #below(path: string): boolean {
    return this.#roots.some((root) => path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`));
  }

  #refused(path: string): IdiomError {
    const where = this.#roots.length === 0 ? "it reads and writes none (batch.roots is empty)" : `its roots are ${this.#roots.join(", ")}`;
    return new IdiomError("PATH_NOT_ALLOWED", `${path} is not a path that this server reads or writes for jobs: ${where}; upload the file instead`);
  }
}
