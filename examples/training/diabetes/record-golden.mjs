// Calls the model as it stands and writes what it answered to golden/.
// Fails when a row's answer depends on what was asked before it.
//
// Usage, in the model's folder (the model reads its artifact from there):
//   node ../../training/diabetes/record-golden.mjs

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { columns, readPatients } from "./data.mjs";

const started = performance.now();
const { default: predict } = await import(pathToFileURL("model.js"));
console.log(`load ${(performance.now() - started).toFixed(0)} ms`);

const integers = new Set(["age", "sex"]);
const { all, heldOut } = readPatients();

checkRowsAreIndependent(all);
printCost(heldOut);

const byAnswer = heldOut.toSorted((a, b) => predict(a) - predict(b));
record("one-row", "one patient", heldOut.slice(0, 1));
record("held-out", "patients that the training did not see", heldOut.slice(1, 9));
record("extremes", "the lowest and the highest answers among the patients held out", [...byAnswer.slice(0, 3), ...byAnswer.slice(-3)]);

// The function sees one row at a time, so a block is a sequence of calls; last row first, so that
// anything kept between calls would show.
function checkRowsAreIndependent(patients) {
  const whole = patients.map(predict);
  for (const size of [1, 2, 7, 64]) {
    const answers = new Array(patients.length);
    for (let first = 0; first < patients.length; first += size) {
      const last = Math.min(first + size, patients.length) - 1;
      for (let i = last; i >= first; i--) answers[i] = predict(patients[i]);
    }
    // Object.is tells -0 from 0; finite doubles that are equal have equal bits otherwise.
    if (!answers.every((answer, i) => Object.is(answer, whole[i]))) {
      throw new Error(`answers differ in blocks of ${size}`);
    }
  }
  console.log(`${patients.length} rows: same bits in blocks of 1, 2, 7, 64 and whole`);
}

function printCost(patients) {
  for (const size of [1, 64]) {
    const block = patients.slice(0, size);
    const calls = 2000 / size;
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      for (let call = 0; call < calls; call++) block.map(predict);
      best = Math.min(best, (performance.now() - start) / calls);
    }
    console.log(`${size} rows: ${(1000 * best).toFixed(0)} us`);
  }
}

// JSON prints a number as the shortest decimal that reads back as the same bits.
function tensor(name, datatype, data) {
  const values = data.map((value) => JSON.stringify(value)).join(", ");
  return `      {"name": "${name}", "datatype": "${datatype}", ` + `"shape": [${data.length}], "data": [${values}]}`;
}

function record(name, description, patients) {
  const inputs = columns.map((column) =>
    tensor(
      column,
      integers.has(column) ? "INT32" : "FP64",
      patients.map((patient) => patient[column]),
    ),
  );
  const json = `{
  "description": "${description}",
  "request": {
    "inputs": [
${inputs.join(",\n")}
    ]
  },
  "response": {
    "outputs": [
${tensor("progression", "FP64", patients.map(predict))}
    ]
  }
}
`;
  writeFileSync(`golden/${name}.json`, json);
  console.log(`golden/${name}.json: ${patients.length} rows`);
}
