// Folders for the temporary files of processes that see the host's own file system: one for each, gone with it.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rm, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderPrefix } from "./strays.ts";

export class PrivateFolders {
  /** Others may pass through it and cannot list it. */
  readonly #parent = mkdtempSync(join(tmpdir(), folderPrefix()));
  #made = 0;
  #areLeft = false;

  constructor() {
    chmodSync(this.#parent, 0o711);
    process.once("exit", () => {
      if (!this.#areLeft) rmSync(this.#parent, { recursive: true, force: true });
    });
  }

  /** A new one, which this user alone can enter; null: this process's own. */
  make(uid: number | null): string {
    const folder = join(this.#parent, String(this.#made++));
    mkdirSync(folder, { mode: 0o700 });
    if (uid !== null) chownSync(folder, uid, uid);
    return folder;
  }

  /** When nobody is left who could write to it. What cannot be removed now goes with this process. */
  remove(folder: string): void {
    rm(folder, { recursive: true, force: true }, () => {});
  }

  /** Somebody may write to one of them still: whoever removes it could be led elsewhere. The next start removes all, when it has ended what is left. */
  leave(): void {
    this.#areLeft = true;
  }
}
