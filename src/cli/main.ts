#!/usr/bin/env -S node --max-semi-space-size=32
// The command `idiom`.
import { Command, CommanderError } from "commander";
import picocolors from "picocolors";
import { VERSION } from "../package-root.ts";
import { addAccessOptions } from "./access.ts";
import { registerDescribe } from "./commands/describe.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerDrain } from "./commands/drain.ts";
import { registerGateway } from "./commands/gateway.ts";
import { registerGet } from "./commands/get.ts";
import { registerJob } from "./commands/job.ts";
import { registerLogs } from "./commands/logs.ts";
import { registerPredict } from "./commands/predict.ts";
import { registerReload } from "./commands/reload.ts";
import { registerStatus } from "./commands/status.ts";
import { registerToken } from "./commands/token.ts";
import { registerTop } from "./commands/top.ts";
import { registerUp } from "./commands/up.ts";
import { registerWorker } from "./commands/worker.ts";
import { EXIT, toFailure } from "./failure.ts";
import { note } from "./output.ts";

// What a library does in an outdated way is nothing that who types a command could mend.
process.noDeprecation = true;

const program = new Command("idiom")
  .description("Models run in the language they were written in; everybody calls them the same way.")
  .version(VERSION, "-V, --version")
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError("(idiom --help lists the commands)");
addAccessOptions(program);
registerUp(program);
registerGateway(program);
registerWorker(program);
registerPredict(program);
registerJob(program);
registerGet(program);
registerDescribe(program);
registerStatus(program);
registerLogs(program);
registerTop(program);
registerReload(program);
registerDrain(program);
registerToken(program);
registerDoctor(program);
// Whoever reads our output may have read enough, as in `idiom logs | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed));
for (const command of [program, ...program.commands.flatMap((sub) => [sub, ...sub.commands])]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    const failure = toFailure(error);
    note(`${picocolors.red("error:")} ${failure.message}`);
    process.exitCode = failure.exitCode;
  }
}
