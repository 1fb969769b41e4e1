// docker-compose.yml and the Dockerfiles, as far as they can be checked without an engine.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { runCommand } from "../support/cli.ts";
import { imageOf, readCompose } from "../support/compose.ts";
import { DATA } from "../support/data-folder.ts";
import { copiesOf, execForm, nameOf, readDockerfile, stagesOf } from "../support/dockerfile.ts";
import { LANGUAGES } from "../support/languages.ts";

const compose = readCompose();
const { services } = compose;
const images = Object.entries(services).filter(([, service]) => service.build !== undefined);
const dockerfiles = images.map(([, service]) => service.build?.dockerfile as string);

for (const file of ["docker-compose.yml", "deploy/compose.tls.yml", "deploy/compose.strict.yml"]) {
  test(`${file} fits the compose specification`, async () => {
    const dclint = join(PACKAGE_ROOT, "node_modules", ".bin", "dclint");
    const { code, stdout, stderr } = await runCommand(dclint, ["--quiet", join(PACKAGE_ROOT, file)], { env: process.env });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
  });
}

test("there is a worker for each language, each with the Dockerfile of its runtime", () => {
  const workers = images.filter(([name]) => name.startsWith("worker-")).map(([, { build, command }]) => [build?.dockerfile, command]);
  assert.deepEqual(
    new Map(workers as [string, string[]][]),
    new Map(["python", "r", "java", "node"].map((language) => [`runtimes/${language}/Dockerfile`, ["worker", "--runtimes", language]])),
  );
  assert.equal(workers.length, LANGUAGES.length);
});

test("a service runs what its image would run by itself", () => {
  for (const [name, service] of images) assert.deepEqual(service.command, execForm(imageOf(service), "CMD"), name);
});

test("no container runs as root, has a capability or can write to its image", () => {
  for (const [name, { user, read_only, init, cap_drop, security_opt }] of Object.entries(services)) {
    assert.match(user, /^[1-9]\d*:[1-9]\d*$/, name);
    assert.deepEqual({ read_only, init, cap_drop }, { read_only: true, init: true, cap_drop: ["ALL"] }, name);
    assert.ok(security_opt.includes("no-new-privileges:true"), name);
  }
});

test("workers confine models under Docker's own profile, or strictly without it", () => {
  const strict = parse(readFileSync(join(PACKAGE_ROOT, "deploy", "compose.strict.yml"), "utf8"), { merge: true }) as typeof compose;
  for (const [name, { security_opt, environment }] of Object.entries(services)) {
    if (name.startsWith("worker-")) assert.deepEqual([security_opt, environment?.["IDIOM_SANDBOX"]], [["no-new-privileges:true"], "landlock"], name);
    else assert.ok(!security_opt.some((option) => option.includes("unconfined")), name);
  }
  assert.deepEqual(
    Object.keys(strict.services).sort(),
    Object.keys(services)
      .filter((name) => name.startsWith("worker-"))
      .sort(),
  );
  for (const { security_opt, environment } of Object.values(strict.services)) {
    assert.equal(environment?.["IDIOM_SANDBOX"], "strict");
    assert.ok(security_opt.includes("seccomp:unconfined") && security_opt.includes("no-new-privileges:true"));
  }
});

describe("each Dockerfile", () => {
  for (const dockerfile of dockerfiles) {
    const instructions = readDockerfile(join(PACKAGE_ROOT, dockerfile));
    const stages = stagesOf(instructions);

    test(`${dockerfile} passes hadolint`, async () => {
      const hadolint = join(DATA, "environments", "tests", "bin", "hadolint");
      const config = join(PACKAGE_ROOT, ".hadolint.yaml");
      const { code, stdout, stderr } = await runCommand(hadolint, ["--config", config, join(PACKAGE_ROOT, dockerfile)], { env: process.env });
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    });

    test(`${dockerfile} copies only what is there`, () => {
      const context = [...readFileSync(join(PACKAGE_ROOT, ".dockerignore"), "utf8").matchAll(/^!(.+)$/gm)].map(([, path]) => path as string);
      for (const [i, stage] of stages.entries()) {
        for (const { from, sources } of copiesOf(stage)) {
          const earlier = stages.slice(0, i).map(nameOf);
          assert.ok(from === null || earlier.includes(from), `no stage ${from}`);
          for (const source of sources) {
            const isInContext = context.some((path) => `${source}/`.startsWith(`${path}/`));
            assert.ok(existsSync(onThisMachine(source)), source);
            assert.ok(from !== null || isInContext, `.dockerignore leaves out ${source}`);
          }
        }
      }
    });

    test(`${dockerfile} builds Idiom as the others do, so that it is built once`, () => {
      const [first = ""] = dockerfiles;
      assert.deepEqual(stages[0], stagesOf(readDockerfile(join(PACKAGE_ROOT, first)))[0]);
    });
  }
});

/** What the set-up makes in an image, it has made here as well. */
function onThisMachine(path: string): string {
  return path.startsWith("/idiom/.idiom/") ? path.replace("/idiom/.idiom", DATA) : join(PACKAGE_ROOT, path.replace(/^\/idiom\//, ""));
}
