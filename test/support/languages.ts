// The languages that a run covers: all of them, or those that IDIOM_TEST_LANGUAGES names (test/run.ts leaves out what is not installed).

export const LANGUAGES = ["python", "r", "java", "node"] as const;

export type Language = (typeof LANGUAGES)[number];

/** The file of a fixture model that holds the author's code. */
export const MODEL_FILE: Record<Language, string> = { python: "model.py", r: "model.R", java: "Model.java", node: "model.mjs" };

export function isLanguage(word: string): word is Language {
  return (LANGUAGES as readonly string[]).includes(word);
}

export function activeLanguages(): Language[] {
  const named = process.env["IDIOM_TEST_LANGUAGES"];
  return named === undefined ? [...LANGUAGES] : named.split(",").filter(isLanguage);
}
