// How strongly models are confined: the levels, strongest first, and what has to be said of the weak ones.

export const SANDBOX_LEVELS = ["strict", "landlock", "rlimit", "off"] as const;

export type SandboxLevel = (typeof SANDBOX_LEVELS)[number];

/** What is said of a level that keeps nothing hostile away; null: it does. */
export function sandboxWarning(level: string): string | null {
  if (level === "off") return "models run with the rights of the server, read its files and use its network; serve only models that you trust";
  if (level === "rlimit") return "models have limits, and nothing keeps them from this machine's files and network; serve only models that you trust";
  return null;
}
