// What an S3 store refuses, and why it cannot be reached, in words that say what to do.
import type { IncomingHttpHeaders } from "node:http";
import { type ErrorCode, IdiomError } from "../../core/errors.ts";
import type { S3Address, S3Settings } from "./address.ts";

export class S3Failure extends IdiomError {
  /** S3's own word for it, as `NoSuchKey`; "" when the store did not answer. */
  readonly reason: string;
  /** The same request may succeed later. */
  readonly passing: boolean;

  constructor(code: ErrorCode, message: string, reason: string, passing: boolean) {
    super(code, message);
    this.reason = reason;
    this.passing = passing;
  }
}

export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** An XML document, or nothing. */
  readonly text: string;
}

/** The text of the first element of this name; "" without one. */
export function elementOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return text.replace(/&(amp|lt|gt|quot|apos|#34|#39);/g, (_, entity: string) => ENTITIES[entity] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', apos: "'", "#39": "'" };

/** By status, where the answer has no body. */
const REASON_OF: Readonly<Record<number, string>> = {
  301: "PermanentRedirect",
  403: "AccessDenied",
  404: "NoSuchKey",
  412: "PreconditionFailed",
  416: "InvalidRange",
};
const PASSING = new Set(["InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "OperationAborted"]);

/** `what`: an S3 action, as `s3:GetObject`. */
export function refused({ status, headers, text }: Refusal, what: string, { bucket, key }: S3Address, settings: S3Settings): S3Failure {
  const reason = elementOf(text, "Code") || (REASON_OF[status] ?? "");
  const failure = (code: ErrorCode, message: string): S3Failure => new S3Failure(code, message, reason, false);
  const object = `s3://${bucket}/${key}`;
  const [store, said] = [storeOf(settings), elementOf(text, "Message")];
  if (PASSING.has(reason) || status >= 500 || status === 429)
    return new S3Failure("STORAGE_UNAVAILABLE", `${store} does not answer ${what} of ${object} now: ${status} ${reason} ${said}`.trimEnd(), reason, true);
  switch (reason) {
    case "NoSuchBucket":
      return failure("DATASET_INVALID", `there is no bucket '${bucket}' at ${store}`);
    case "NoSuchKey":
      return failure("DATASET_INVALID", `there is no ${object} at ${store}`);
    case "PreconditionFailed":
      return failure("DATASET_INVALID", `${object} has changed since the job was submitted; submit the job again`);
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException": {
      const region = headers["x-amz-bucket-region"] ?? elementOf(text, "Region");
      return failure(
        "STORAGE_REFUSED",
        `the bucket '${bucket}' is in ${region === "" ? "another region" : `the region '${region}'`}, and Idiom asks in '${settings.region}'; set IDIOM_S3_REGION`,
      );
    }
    case "RequestTimeTooSkewed":
      return failure("STORAGE_REFUSED", `${store} refuses requests of this machine because its clock is wrong${skewOf(headers)}; set it (as with NTP)`);
    case "InvalidAccessKeyId":
      return failure("STORAGE_REFUSED", `${store} does not know the access key; look at IDIOM_S3_ACCESS_KEY_ID`);
    case "SignatureDoesNotMatch":
      return failure(
        "STORAGE_REFUSED",
        `${store} refuses the signature: the secret access key is not that of the access key; look at IDIOM_S3_SECRET_ACCESS_KEY`,
      );
    case "ExpiredToken":
    case "InvalidToken":
      return failure("STORAGE_REFUSED", `${store} refuses the session token (${reason}); give Idiom a new one with its access key, or keys that last`);
    case "AccessDenied":
    case "AllAccessDisabled":
      return failure("STORAGE_REFUSED", `${store} denies ${what} of ${object}; allow it for Idiom's access key (${said || reason})`);
    default:
      return failure("STORAGE_REFUSED", `${store} refuses ${what} of ${object}: ${status} ${reason} ${said}`.trimEnd());
  }
}

/** No answer, or one that broke off. */
export function unreachable(error: NodeJS.ErrnoException, settings: S3Settings): S3Failure {
  // Attempts at several addresses of one name have no message of their own.
  return new S3Failure("STORAGE_UNAVAILABLE", `${storeOf(settings)} cannot be reached: ${error.message || error.code}`, "", true);
}

function storeOf({ endpoint, region }: S3Settings): string {
  return endpoint ?? `Amazon S3 (${region})`;
}

function skewOf({ date }: IncomingHttpHeaders): string {
  const seconds = Math.round((Date.now() - Date.parse(date ?? "")) / 1000);
  return Number.isNaN(seconds) ? "" : ` by ${Math.abs(seconds)} s`;
}
