// What only the commands that serve or examine this machine need. They import it when they run: the others start in half the time.
export { loadConfig } from "../config/config.ts";
export { readGolden } from "../registry/golden.ts";
export { examine } from "../roles/doctor.ts";
export { gateway } from "../roles/gateway.ts";
export { up } from "../roles/up.ts";
export { upProcesses } from "../roles/up-processes.ts";
export { worker } from "../roles/worker.ts";
