// Every error that a caller can meet: its kind, what it maps to at the two front doors, and whether calling again may help.

interface ErrorKind {
  /** gRPC status code, by number as the standard has it. */
  readonly grpc: number;
  readonly http: number;
  /** The same call may succeed later, unchanged. */
  readonly retryable: boolean;
}

export const ERRORS = {
  /** The request is malformed or does not fit the model's signature. */
  INVALID_REQUEST: { grpc: 3, http: 400, retryable: false },
  /** The signature admits the values, the model does not: an unseen level, text that is no date. */
  INVALID_INPUT: { grpc: 3, http: 400, retryable: false },
  MODEL_NOT_FOUND: { grpc: 5, http: 404, retryable: false },
  NODE_NOT_FOUND: { grpc: 5, http: 404, retryable: false },
  /** The node did not answer in time, or is gone. */
  NODE_SILENT: { grpc: 14, http: 503, retryable: true },
  JOB_NOT_FOUND: { grpc: 5, http: 404, retryable: false },
  /** The job's state does not admit what was asked of it. */
  JOB_STATE: { grpc: 9, http: 409, retryable: false },
  /** The server does not read or write there. */
  PATH_NOT_ALLOWED: { grpc: 7, http: 403, retryable: false },
  /** A file of rows that cannot be read as what it is said to be. */
  DATASET_INVALID: { grpc: 3, http: 400, retryable: false },
  /** The object store does not answer now. */
  STORAGE_UNAVAILABLE: { grpc: 14, http: 503, retryable: true },
  /** The object store refuses this server: its keys, their rights, the region or the clock. Something for its operator. */
  STORAGE_REFUSED: { grpc: 9, http: 500, retryable: false },
  /** What is known of jobs cannot be reached: the durable Redis is away. */
  JOBS_UNAVAILABLE: { grpc: 14, http: 503, retryable: true },
  /** The model folder, its code or its signature is wrong; nothing to do with a request. */
  MODEL_INVALID: { grpc: 9, http: 500, retryable: false },
  MODEL_NOT_READY: { grpc: 14, http: 503, retryable: true },
  QUEUE_FULL: { grpc: 14, http: 503, retryable: true },
  SHUTTING_DOWN: { grpc: 14, http: 503, retryable: true },
  /** The author's code raised. */
  MODEL_ERROR: { grpc: 13, http: 500, retryable: false },
  /** The model's answer does not fit its signature. */
  INVALID_OUTPUT: { grpc: 13, http: 500, retryable: false },
  OUT_OF_MEMORY: { grpc: 8, http: 500, retryable: false },
  /** Processes and threads together. */
  TOO_MANY_PROCESSES: { grpc: 8, http: 500, retryable: false },
  TOO_MANY_FILES: { grpc: 8, http: 500, retryable: false },
  /** The private /tmp of the model is full. */
  DISK_FULL: { grpc: 8, http: 500, retryable: false },
  RESULT_TOO_LARGE: { grpc: 8, http: 500, retryable: false },
  /** The instance died while it ran this request, and the request was not run again or died again. */
  INSTANCE_DIED: { grpc: 14, http: 503, retryable: true },
  /** It has ended the process of its model twice while it ran alone: for a time it is not run again. */
  POISONOUS_REQUEST: { grpc: 3, http: 400, retryable: false },
  DEADLINE_EXCEEDED: { grpc: 4, http: 504, retryable: false },
  CANCELLED: { grpc: 1, http: 499, retryable: false },
  /** A setting is wrong or unknown: the start stops. */
  CONFIG_INVALID: { grpc: 9, http: 500, retryable: false },
  /** The sandbox level that is asked for cannot be had here: the start stops. */
  SANDBOX_UNAVAILABLE: { grpc: 9, http: 500, retryable: false },
  /** The address is taken or not ours: the start stops. */
  CANNOT_LISTEN: { grpc: 9, http: 500, retryable: false },
  /** No API key, or one that is unknown or revoked. */
  UNAUTHENTICATED: { grpc: 16, http: 401, retryable: false },
  /** The API key is good, but not for this. */
  PERMISSION_DENIED: { grpc: 7, http: 403, retryable: false },
  /** More calls than the API key may make, in a second or at a time. */
  LIMIT_EXCEEDED: { grpc: 8, http: 429, retryable: false },
  INTERNAL: { grpc: 13, http: 500, retryable: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export class IdiomError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "IdiomError";
    this.code = code;
  }

  /** At a boundary: whatever was thrown, as one of ours. */
  static from(thrown: unknown): IdiomError {
    if (thrown instanceof IdiomError) return thrown;
    return new IdiomError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }
}
