// Idiom's errors as gRPC clients see them.
import { Metadata, type ServiceError, type status } from "@grpc/grpc-js";
import { ERRORS, IdiomError } from "../core/errors.ts";

const RETRY_AFTER_MS = 100;

/** Any thrown value as a gRPC error: status, message, the code in `idiom-error`, and when to retry where that may help. */
export function toServiceError(thrown: unknown): Pick<ServiceError, "code" | "details" | "message" | "metadata"> {
  const error = IdiomError.from(thrown);
  const metadata = new Metadata();
  metadata.set("idiom-error", error.code);
  if (ERRORS[error.code].retryable) metadata.set("grpc-retry-pushback-ms", String(RETRY_AFTER_MS));
  const details = sendable(error.message);
  return { code: ERRORS[error.code].grpc as status, details, message: details, metadata };
}

/** A status travels percent-encoded in the trailers, and clients refuse trailers beyond 8 KiB. */
const MAX_ENCODED_DETAILS = 6000;

/** Well-formed and short enough for every client: text of a model may be anything. */
function sendable(message: string): string {
  const text = message.toWellFormed();
  for (let length = MAX_ENCODED_DETAILS; ; length = Math.floor(length / 2)) {
    const cut = text.length <= length ? text : `${text.slice(0, length).toWellFormed()} [cut]`;
    if (encodeURI(cut).length <= MAX_ENCODED_DETAILS + 100) return cut;
  }
}
