// The file of API keys: who may call, and how much. It holds hashes alone, so that nobody gets in with what it says.
import { chownSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { IdiomError } from "../core/errors.ts";

/** From the least to the most: each may do what those before it may. */
export const ROLES = ["infer", "submit", "admin"] as const;

const apiKeySchema = z.strictObject({
  id: z.string().regex(/^\w{8}$/),
  name: z.string().regex(/^[\w.-]{1,100}$/, "a name has up to 100 letters, digits, dots, dashes and underscores"),
  role: z.enum(ROLES),
  /** The models that it may call; null: all. */
  models: z.array(z.string()).min(1).nullable(),
  /** sha256 of the key, in hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  /** Calls in a second; null: as many as come. */
  requestsPerSecond: z.number().positive().nullable(),
  /** Calls at a time; null: as many as come. */
  maxConcurrent: z.number().int().positive().nullable(),
});

const fileSchema = z.strictObject({ keys: z.array(apiKeySchema) });

export type ApiKey = Readonly<z.infer<typeof apiKeySchema>>;

/** None where there is no file yet. @throws IdiomError CONFIG_INVALID when the file cannot be read or is no file of keys. */
export function readApiKeys(path: string): ApiKey[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new IdiomError("CONFIG_INVALID", `the API keys: ${(error as Error).message}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `the API keys in ${path}: ${(error as Error).message}`);
  }
  return checked(path, json);
}

/**
 * Replaces the keys by what `change` makes of them, in one step: a server reads either the old file or the new one. The file is its owner's alone; made by
 * root, it belongs to whom its folder belongs to, which is the user of the server.
 * @throws IdiomError CONFIG_INVALID
 */
export function changeApiKeys(path: string, change: (keys: readonly ApiKey[]) => readonly ApiKey[]): void {
  const changed = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // It is the lock as well: of two that change the file at once, one is refused.
    writeFileSync(changed, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    const held = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new IdiomError(
      "CONFIG_INVALID",
      held ? `${changed} is there: somebody else changes the keys right now; if not, remove it` : (error as Error).message,
    );
  }
  try {
    const keys = checked(path, { keys: change(readApiKeys(path)) });
    writeFileSync(changed, `${JSON.stringify({ keys }, null, 2)}\n`);
    const { uid, gid } = statSync(dirname(path));
    if (process.getuid?.() === 0) chownSync(changed, uid, gid);
    renameSync(changed, path);
  } catch (error) {
    rmSync(changed, { force: true });
    throw error;
  }
}

/** @throws IdiomError CONFIG_INVALID */
function checked(path: string, json: unknown): ApiKey[] {
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) throw new IdiomError("CONFIG_INVALID", `the API keys in ${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data.keys;
}
