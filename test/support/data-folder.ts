// Where the set-up has put environments and tools.
import { join, resolve } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

export const DATA = resolve(process.env["IDIOM_DATA"] || join(PACKAGE_ROOT, ".idiom"));
