// The signatures and environments of versions that start on their first request, from an earlier life of the node: a file for each version's digest.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ModelVersion } from "../src/core/model.ts";
import { signatureSchema } from "../src/lanes/realtime/version-directory.ts";
import type { KnownVersion } from "./pool/pool.ts";

const knownSchema = z.object({ signature: signatureSchema, environment: z.string() });

export class SignatureStore {
  readonly #folder: string;

  constructor(data: string) {
    this.#folder = join(data, "signatures");
  }

  /** Null when the version has never been ready here, or what was written cannot be read any more. */
  read(version: ModelVersion): KnownVersion | null {
    try {
      return knownSchema.parse(JSON.parse(readFileSync(this.#file(version), "utf8")));
    } catch {
      return null;
    }
  }

  write(version: ModelVersion, known: KnownVersion): void {
    mkdirSync(this.#folder, { recursive: true });
    const file = this.#file(version);
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(known));
    renameSync(`${file}.${process.pid}`, file);
  }

  /** It does not hold any more: what the version needs from the machine has changed. */
  forget(version: ModelVersion): void {
    rmSync(this.#file(version), { force: true });
  }

  #file({ digest }: ModelVersion): string {
    return join(this.#folder, `${digest}.json`);
  }
}
