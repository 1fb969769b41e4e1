// idiom doctor: what this machine has and what it lacks.
import type { Command } from "commander";
import picocolors from "picocolors";
import type { Finding } from "../../roles/doctor.ts";
import { EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions } from "../options.ts";
import { plainTable, print } from "../output.ts";

const MARKS: Record<Finding["verdict"], string> = { ok: picocolors.green("ok"), warning: picocolors.yellow("warning"), problem: picocolors.red("problem") };

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("say what this machine has and what it lacks")
    .addOption(formatOption(["table", "json"]))
    .action(async ({ output }: GlobalOptions) => {
      const { examine, loadConfig } = await import("../serving.ts");
      const findings = await examine(loadConfig(process.env));
      if (output === "json") print(JSON.stringify(findings, null, 2));
      else
        print(
          plainTable(
            ["CHECK", "", "DETAIL"],
            findings.map((finding) => [finding.what, MARKS[finding.verdict], finding.detail]),
          ),
        );
      if (findings.some((finding) => finding.verdict === "problem")) process.exitCode = EXIT.failed;
    });
}
