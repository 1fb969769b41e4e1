// Asks the Java model `wine` of which cultivar two wines were made.
// Usage: node client.mjs [--url localhost:8001]

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const { url } = parseArgs({
  options: { url: { type: "string", default: "localhost:8001" } },
}).values;

const wines = {
  alcohol: [14.23, 12.37],
  malicAcid: [1.71, 0.94],
  ash: [2.43, 1.36],
  alcalinityOfAsh: [15.6, 10.6],
  magnesium: [127, 88],
  totalPhenols: [2.8, 1.98],
  flavanoids: [3.06, 0.57],
  nonflavanoidPhenols: [0.28, 0.28],
  proanthocyanins: [2.29, 0.42],
  colorIntensity: [5.64, 1.95],
  hue: [1.04, 1.05],
  od280Od315: [3.92, 1.82],
  proline: [1065, 520],
};

const proto = fileURLToPath(new URL("../../../proto/inference/grpc_service.proto", import.meta.url));
const { inference } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { keepCase: true, longs: Number }));
const client = new inference.GRPCInferenceService(url, grpc.credentials.createInsecure());

const request = {
  model_name: "wine",
  inputs: Object.entries(wines).map(([name, values]) => ({
    name,
    datatype: "FP64",
    shape: [values.length],
    contents: { fp64_contents: values },
  })),
};
// A server for more than this machine asks for a key.
const metadata = new grpc.Metadata();
const { IDIOM_API_KEY: key } = process.env;
if (key) metadata.set("authorization", `Bearer ${key}`);

client.modelInfer(request, metadata, { deadline: Date.now() + 10_000 }, (error, response) => {
  client.close();
  if (error) {
    console.error(error.message);
    process.exitCode = 1;
    return;
  }
  // Answers come as raw bytes, in the order of `outputs`.
  const bytesOf = (name) => response.raw_output_contents[response.outputs.findIndex((output) => output.name === name)];
  const probabilities = readDoubles(bytesOf("probability"));
  for (const [i, cultivar] of readStrings(bytesOf("cultivar")).entries()) {
    console.log(`${cultivar} ${probabilities[i].toFixed(2)}`);
  }
});

/** FP64: eight bytes each, little-endian. */
function readDoubles(bytes) {
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
}

/** BYTES: each with its length in four bytes before it. */
function readStrings(bytes) {
  const strings = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    strings.push(bytes.toString("utf8", at + 4, end));
    at = end;
  }
  return strings;
}
