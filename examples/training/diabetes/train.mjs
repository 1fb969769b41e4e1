// Trains a random forest on data/diabetes.csv.
// Usage: node train.mjs ../../models/diabetes/model.json.gz

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { columns, readPatients } from "./data.mjs";

// The library lies where the model's package.json is.
const require = createRequire(new URL("../../models/diabetes/", import.meta.url));
const { RandomForestRegression } = require("ml-random-forest");

const { training, heldOut } = readPatients();
const features = (patients) => patients.map((patient) => columns.map((column) => patient[column]));
const truth = (patients) => patients.map((patient) => patient.progression);

const forest = new RandomForestRegression({
  seed: 7,
  nEstimators: 25,
  treeOptions: { maxDepth: 5, minNumSamples: 8 },
  noOOB: true,
});
forest.train(features(training), truth(training));

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const guess = forest.predict(features(heldOut));
const middle = mean(truth(heldOut));
const squares = mean(truth(heldOut).map((value, i) => (value - guess[i]) ** 2));
const variance = mean(truth(heldOut).map((value) => (value - middle) ** 2));
const absolute = mean(truth(heldOut).map((value, i) => Math.abs(value - guess[i])));
console.log(`held-out R2 ${(1 - squares / variance).toFixed(3)}, ` + `mean absolute error ${absolute.toFixed(1)} (${heldOut.length} patients)`);

// The library repeats its options in every node: compressed, the file is 12 times smaller.
writeFileSync(process.argv[2], gzipSync(JSON.stringify({ columns, trees: forest })));
