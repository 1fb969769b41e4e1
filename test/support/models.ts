// Folders of models for one test file: fixtures copied under their own names, or models written on the spot.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { processFolder } from "./folders.ts";
import type { Language } from "./languages.ts";

export const FIXTURES = join(PACKAGE_ROOT, "test", "fixtures", "models");

/** The name under which a fixture model is served. */
export function fixtureName(behaviour: string, language: Language): string {
  return `${behaviour}-${language}`;
}

/** A folder of models that is removed with the process that made it. */
export class ModelsFolder {
  readonly path = processFolder();

  /** Copies fixtures/models/<behaviour>/<language>. */
  addFixture(behaviour: string, language: Language, name = fixtureName(behaviour, language)): this {
    cpSync(join(FIXTURES, behaviour, language), join(this.path, name), { recursive: true });
    return this;
  }

  /** Writes a model: the content of each of its files, by path below its folder. */
  add(name: string, files: Readonly<Record<string, string>>): this {
    for (const [file, content] of Object.entries(files)) {
      const path = join(this.path, name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    return this;
  }
}

/** A folder with these fixtures in these languages. */
export function fixtureModels(behaviours: readonly string[], languages: readonly Language[]): ModelsFolder {
  const folder = new ModelsFolder();
  for (const behaviour of behaviours) for (const language of languages) folder.addFixture(behaviour, language);
  return folder;
}
