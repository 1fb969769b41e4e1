// What `npm test` runs once everything is set up: every suite in every language. `node test/run.ts unit contract` runs some.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/package-root.ts";

interface Suite {
  readonly name: string;
  readonly command: readonly string[];
}

const DATA = process.env["IDIOM_DATA"] ?? join(PACKAGE_ROOT, ".idiom");
const nodeTests = (files: string, ...options: string[]): string[] => [process.execPath, "--test", "--test-reporter=spec", ...options, files];

const SUITES: readonly Suite[] = [
  { name: "lint", command: ["npm", "run", "--silent", "lint"] },
  { name: "unit", command: ["npm", "run", "--silent", "test:unit"] },
  { name: "contract", command: nodeTests("test/contract/*.test.ts", "--test-concurrency=2") },
  { name: "integration", command: nodeTests("test/integration/*.test.ts", "--test-concurrency=1") },
  { name: "chaos", command: nodeTests("test/chaos/*.test.ts", "--test-concurrency=1") },
  { name: "python", command: [join(DATA, "environments", "python", "bin", "python3"), "-m", "unittest", "discover", "runtimes/python/tests"] },
  { name: "r", command: ["Rscript", "runtimes/r/tests/run.R"] },
  { name: "java", command: ["mvn", "--quiet", "--batch-mode", "--file", "runtimes/java/pom.xml", "verify"] },
  { name: "node", command: nodeTests("runtimes/node/tests/*.test.mjs", "--test-concurrency=2") },
];

/** Prints what the suite prints only when it fails. */
async function run({ name, command }: Suite): Promise<boolean> {
  process.stdout.write(`${name.padEnd(12)} `);
  const startedAt = performance.now();
  const [program, ...args] = command;
  const child = spawn(program as string, args, { cwd: PACKAGE_ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => void output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => void output.push(chunk));
  const status = await new Promise<string | number | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  process.stdout.write(status === 0 ? `passed in ${seconds} s\n` : `FAILED (${status}) after ${seconds} s\n${Buffer.concat(output).toString()}\n`);
  return status === 0;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !SUITES.some((suite) => suite.name === name));
if (unknown !== undefined) throw new Error(`no suite '${unknown}'; there are: ${SUITES.map((suite) => suite.name).join(", ")}`);
const results: boolean[] = [];
for (const suite of SUITES) {
  if (wanted.length === 0 || wanted.includes(suite.name)) results.push(await run(suite));
}
const passed = results.filter(Boolean).length;
process.stdout.write(`\nsuites: ${passed} passed, ${results.length - passed} failed\n`);
process.exitCode = passed === results.length ? 0 : 1;
