// Idiom's errors as gRPC clients see them.
import { Metadata, type ServiceError, type status } from "@grpc/grpc-js";
import { ERRORS, IdiomError } from "../core/errors.ts";

const RETRY_AFTER_MS = 100;

/** Any thrown value as a gRPC error: status, message, the code in `idiom-error`, and when to retry where that may help. */
export function toServiceError(thrown: unknown): Partial<ServiceError> {
  const error = IdiomError.from(thrown);
  const metadata = new Metadata();
  metadata.set("idiom-error", error.code);
  if (ERRORS[error.code].retryable) metadata.set("grpc-retry-pushback-ms", String(RETRY_AFTER_MS));
  return { code: ERRORS[error.code].grpc as status, details: error.message, message: error.message, metadata };
}
