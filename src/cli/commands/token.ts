// idiom token: the API keys that a server lets in. It edits their file; servers read it again by themselves.
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ApiKey } from "../../config/api-key-file.ts";
import { CliFailure, EXIT } from "../failure.ts";
import { formatOption, parsePositive } from "../options.ts";
import { age, type Column, FORMATS, type Format, note, print, printRows } from "../output.ts";

interface FileOptions {
  readonly file?: string;
}

interface CreateOptions extends FileOptions {
  readonly name: string;
  readonly role: ApiKey["role"];
  readonly model?: string[];
  readonly rate?: number;
  readonly concurrent?: number;
}

/** What the commands that serve need of the configuration is loaded when it is needed. */
const load = async (): Promise<typeof import("../../config/api-key-file.ts") & typeof import("../../config/api-key.ts")> => ({
  ...(await import("../../config/api-key-file.ts")),
  ...(await import("../../config/api-key.ts")),
});

const KEYS: readonly Column<ApiKey>[] = [
  { title: "ID", value: (key) => key.id },
  { title: "NAME", value: (key) => key.name },
  { title: "ROLE", value: (key) => key.role },
  { title: "MODELS", value: (key) => key.models?.join(",") ?? "all" },
  { title: "PER SECOND", value: (key) => String(key.requestsPerSecond ?? "-") },
  { title: "AT A TIME", value: (key) => String(key.maxConcurrent ?? "-") },
  { title: "AGE", value: (key) => age(Date.now() - Date.parse(key.createdAt)) },
];

export function registerToken(program: Command): void {
  const token = program.command("token").description("make, list and revoke API keys");
  const file = (): Option => new Option("--file <path>", "the file of keys (IDIOM_API_KEYS; otherwise api-keys.json in IDIOM_STATE)");
  token
    .command("create")
    .description("make an API key and print it, once")
    .requiredOption("--name <name>", "who will use it")
    .addOption(
      new Option("--role <role>", "infer: call models; submit: jobs as well; admin: everything").choices(["infer", "submit", "admin"]).makeOptionMandatory(),
    )
    .option("--model <name...>", "only for these models")
    .option("--rate <n>", "calls in a second", parseRate)
    .option("--concurrent <n>", "calls at a time", parsePositive)
    .addOption(file())
    .action(create);
  token.command("list").description("list the API keys").addOption(file()).addOption(formatOption(FORMATS)).action(list);
  token.command("revoke <key>").description("take a key away, by name or id; servers end its calls within a second or two").addOption(file()).action(revoke);
}

async function create({ name, role, model, rate, concurrent, ...options }: CreateOptions): Promise<void> {
  if (role === "admin" && model !== undefined)
    throw new CliFailure("a key of an admin is for all models; leave --model out, or choose the role infer or submit", EXIT.usage);
  const { changeApiKeys, newApiKey } = await load();
  const path = await fileOf(options);
  const { text, id, hash } = newApiKey();
  const limits = { requestsPerSecond: rate ?? null, maxConcurrent: concurrent ?? null };
  changeApiKeys(path, (keys) => {
    if (keys.some((key) => key.name === name))
      throw new CliFailure(`there is a key '${name}' already; choose another name, or revoke that one first`, EXIT.usage);
    return [...keys, { id, name, role, models: model ?? null, hash, createdAt: new Date().toISOString(), ...limits }];
  });
  note(`key '${name}' is in ${path}; it is shown only now:`);
  print(text);
}

async function list({ output, ...options }: FileOptions & { readonly output: Format }): Promise<void> {
  const { readApiKeys } = await load();
  printRows(readApiKeys(await fileOf(options)), KEYS, (key) => key.name, output);
}

async function revoke(named: string, options: FileOptions): Promise<void> {
  const { changeApiKeys } = await load();
  const path = await fileOf(options);
  changeApiKeys(path, (keys) => {
    const kept = keys.filter((key) => key.name !== named && key.id !== named);
    if (kept.length === keys.length) throw new CliFailure(`${path} has no key '${named}'; see: idiom token list`, EXIT.notFound);
    return kept;
  });
  note(`key '${named}' is revoked`);
}

async function fileOf({ file }: FileOptions): Promise<string> {
  if (file !== undefined) return file;
  const { loadConfig } = await import("../../config/config.ts");
  const { apiKeys, state } = loadConfig(process.env);
  return apiKeys ?? join(state, "api-keys.json");
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (!(rate > 0) || !Number.isFinite(rate)) throw new InvalidArgumentError("It is a number above 0.");
  return rate;
}
