// What a data scientist writes instead, for the diabetes model: read a CSV file line by line, predict, write.
// Arguments: MODEL_FOLDER INPUT OUTPUT. Prints its seconds, and those that were the model's own.
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { pathToFileURL } from "node:url";

const [, , folder, source, path] = process.argv;
const { default: predict } = await import(pathToFileURL(join(folder, "model.js")));

const startedAt = performance.now();
let own = 0;
let names;
const target = createWriteStream(path);
target.write("progression\n");
for await (const line of createInterface({ input: createReadStream(source) })) {
  const cells = line.split(",");
  if (names === undefined) {
    names = cells;
    continue;
  }
  const row = {};
  for (let i = 0; i < names.length; i++) row[names[i]] = Number(cells[i]);
  const askedAt = performance.now();
  const answer = predict(row);
  own += performance.now() - askedAt;
  target.write(`${answer}\n`);
}
target.end();
await finished(target);
process.stdout.write(`${(performance.now() - startedAt) / 1000} ${own / 1000}\n`);
