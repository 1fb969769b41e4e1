// The example models, one in each language: they answer their golden requests with the recorded bits.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { type NamedTensor, readGolden } from "../../src/registry/golden.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { type Server, startServer } from "../support/server.ts";
import { assertSameTensor, type SentTensor } from "../support/tensors.ts";

const MODELS = join(PACKAGE_ROOT, "examples", "models");
const EXAMPLES: Readonly<Record<Language, string>> = { python: "breast-cancer", r: "penguins", java: "wine", node: "diabetes" };

function sent({ name, tensor: { datatype, shape, data } }: NamedTensor): SentTensor {
  return { name, datatype, shape, data: Buffer.from(data), contents: null };
}

describe("the example models", () => {
  const languages = activeLanguages();
  let server: Server;
  before(
    async () => {
      server = await startServer({ models: MODELS });
    },
    { timeout: 120_000 },
  );
  after(() => server.stop());

  for (const language of languages) {
    const model = EXAMPLES[language];
    for (const golden of readGolden(join(MODELS, model), "golden/*.json")) {
      test(`${model} (${language}) answers ${golden.file} with the recorded bits`, async () => {
        const answer = await server.client.infer(model, golden.inputs.map(sent));
        for (const expected of golden.outputs.map(sent)) assertSameTensor(answer[expected.name], expected);
      });
    }

    test(`${model} (${language}) answers the same when many ask at once`, async () => {
      const all = readGolden(join(MODELS, model), "golden/*.json");
      const calls = Array.from({ length: 8 }, () => all).flat();
      await Promise.all(
        calls.map(async (golden) => {
          const answer = await server.client.infer(model, golden.inputs.map(sent));
          for (const expected of golden.outputs.map(sent)) assertSameTensor(answer[expected.name], expected);
        }),
      );
    });

    test(`idiom up says so of ${model}`, () => {
      const line = server.output.text.split("\n").find((candidate) => candidate.startsWith(`${model} `));
      assert.match(line ?? "", new RegExp(`^${model} +1 +${language} +ready +same bits \\(\\d+ rows in \\d+ files\\)$`));
    });
  }
});
