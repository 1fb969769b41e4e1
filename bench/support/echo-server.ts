// The limit of the given front door: grpc-js decodes the same request and answers at once, with nothing behind it.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { plainService } from "./messages.ts";

interface Request {
  model_name: string;
  id: string;
}

const server = new Server();
server.addService(plainService(), {
  ModelInfer: ({ request }: { request: Request }, callback: (error: null, answer: object) => void) => {
    callback(null, {
      model_name: request.model_name,
      model_version: "1",
      id: request.id,
      outputs: [{ name: "y", datatype: "FP32", shape: [1, 3] }],
      raw_output_contents: [Buffer.alloc(12)],
    });
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
