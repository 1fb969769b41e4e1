// A plain grpc-js client that keeps a number of ModelInfer calls in flight.
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { INFERENCE_PACKAGE } from "../../src/gateway/inference-messages.ts";

export interface InferRequest {
  readonly model_name: string;
  readonly inputs: readonly { name: string; datatype: string; shape: number[] }[];
  readonly raw_input_contents: readonly Buffer[];
}

export interface InferResponse {
  readonly outputs: { name: string; datatype: string }[];
  readonly raw_output_contents: Buffer[];
}

/** The answers in the order of the requests. @throws the first error. */
export async function inferAll(port: number, requests: readonly InferRequest[], inFlight: number): Promise<InferResponse[]> {
  const inference = loadPackageDefinition(INFERENCE_PACKAGE)["inference"] as GrpcObject;
  const Client = inference["GRPCInferenceService"] as ServiceClientConstructor;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const answers: InferResponse[] = new Array(requests.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < requests.length; i = next++) {
      answers[i] = await new Promise<InferResponse>((resolve, reject) => {
        const infer = client["ModelInfer"] as (request: InferRequest, done: (error: Error | null, answer: InferResponse) => void) => void;
        infer.call(client, requests[i] as InferRequest, (error, answer) => (error === null ? resolve(answer) : reject(error)));
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, worker));
    return answers;
  } finally {
    client.close();
  }
}
