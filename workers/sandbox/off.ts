// Level `off`: the process has the host's own rights. For models that are trusted as much as the host.
import { spawnHarness } from "../../src/process/spawn.ts";
import { type Launcher, withTemporaryFolder } from "./launcher.ts";
import { hostMark } from "./strays.ts";

export const unconfined: Launcher = {
  level: "off",
  tellsForksApart: false,
  layers: [],
  stops: [],
  async launch(command) {
    const { env, ...rest } = withTemporaryFolder(command, "/tmp");
    return Object.assign(await spawnHarness({ ...rest, env: { ...env, ...hostMark() } }), { overrun: null, adopt: () => null });
  },
};
