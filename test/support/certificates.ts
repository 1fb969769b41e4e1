// Certificates for one test, made by openssl as an operator makes them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs certificates, all below one folder. */
export class Authority {
  /** Its own certificate, a file. */
  readonly file: string;
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.file = this.#path("crt");
    openssl("req", "-x509", ...KEY, "-days", "2", "-subj", `/CN=${name}`, "-keyout", this.#path("key"), "-out", this.file);
  }

  get certificate(): Buffer {
    return readFileSync(this.file);
  }

  /** A certificate for this machine; with `days` -1 it has expired. */
  sign(name: string, days = 1): CertificateFiles {
    const [cert, key, request] = ["crt", "key", "csr"].map((kind) => join(this.#folder, `${name}.${kind}`)) as [string, string, string];
    openssl("req", ...KEY, "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", request);
    const signed = ["-CA", this.file, "-CAkey", this.#path("key"), "-days", String(days), "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", request, ...signed, "-out", cert);
    return { cert, key };
  }

  #path(kind: string): string {
    return join(this.#folder, `${this.#name}.${kind}`);
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}
