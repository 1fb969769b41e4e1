// How far a patient's diabetes progresses within a year, from one examination.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { RandomForestRegression } from "ml-random-forest";

const { columns, trees } = JSON.parse(gunzipSync(readFileSync("model.json.gz")));
const forest = RandomForestRegression.load(trees);

/** One patient in, one number out: 25 is the lowest in the training data, 346 the highest. */
export default function predict(patient) {
  const row = columns.map((column) => patient[column]);
  // A tree sends NaN down its right branches and answers as if nothing were missing.
  const missing = columns.filter((_, i) => !Number.isFinite(row[i]));
  if (missing.length > 0) {
    throw new RangeError(`no value for ${missing.join(", ")}`);
  }
  return forest.predict([row])[0];
}
