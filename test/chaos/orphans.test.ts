// A server that is killed leaves no model behind: each harness sees the end of its stream and ends itself.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { activeLanguages, type Language, MODEL_FILE } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";
import { startServer } from "../support/server.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";

/** Models that hold a connection to this port as long as their process lives. */
const SOURCES: Record<Language, (port: number) => string> = {
  python: (port) => `import socket\n\nheld = socket.create_connection(("127.0.0.1", ${port}))\n\n\ndef predict(x):\n    return x\n`,
  r: (port) => `held <- socketConnection("127.0.0.1", ${port}, blocking = TRUE, open = "r+")\n\npredict_model <- function(x) x\n`,
  java: (port) =>
    `import java.net.Socket;\n\npublic class Model {\n  private final Socket held;\n\n  public Model() throws java.io.IOException {\n    held = new Socket("127.0.0.1", ${port});\n  }\n\n  public int[] predict(int[] x) {\n    return x;\n  }\n}\n`,
  node: (port) => `import { connect } from "node:net";\n\nconst held = connect(${port}, "127.0.0.1");\n\nexport default ({ x }) => ({ y: held && x });\n`,
};

for (const language of activeLanguages()) {
  test(`${language}: the process of a model ends with the server that was killed`, { timeout: 30_000 }, async (t) => {
    const listener = createServer();
    t.after(() => listener.close());
    await once(listener.listen(0, "127.0.0.1"), "listening");
    const connected = once(listener, "connection") as Promise<[Socket]>;
    const { port } = listener.address() as AddressInfo;
    const models = new ModelsFolder().add("held", { "model.yaml": YAML, [MODEL_FILE[language]]: SOURCES[language](port) });

    const server = await startServer({ models: models.path });
    const [held] = await connected;
    held.on("error", () => {});
    assert.deepEqual(await server.client.call("ModelReady", { name: "held" }), { ready: true });
    const ended = once(held.resume(), "close");
    server.process.kill("SIGKILL");
    await ended;
    await server.stop();
  });
}
