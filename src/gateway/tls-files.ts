// The certificate of the front doors, read again when its files change: a renewed one is used by the next connection, without a restart.
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authority of the clients' certificates; null: they need none. */
  readonly clientCa: Buffer | null;
}

type Files = Config["tls"] & { readonly certFile: string; readonly keyFile: string };

const LOOK_AGAIN_MS = 1000;

export class TlsFiles {
  readonly #files: Files;
  readonly #log: Logger;
  readonly #listeners = new Set<(certificate: Certificate) => void>();
  readonly #timer: NodeJS.Timeout;
  #seen: string;
  #current: Certificate;

  /** @throws IdiomError CONFIG_INVALID when the files cannot be read or do not belong together. */
  constructor(files: Files, log: Logger) {
    this.#files = files;
    this.#log = log;
    this.#seen = this.#stamp();
    this.#current = readCertificate(files);
    this.#timer = setInterval(() => this.#look(), LOOK_AGAIN_MS).unref();
  }

  get current(): Certificate {
    return this.#current;
  }

  /** `listener` hears of every certificate after the current one. */
  onChange(listener: (certificate: Certificate) => void): void {
    this.#listeners.add(listener);
  }

  /** For a gRPC server; they follow the files. */
  grpcCredentials(): ServerCredentials {
    const asksClients = this.#files.clientCaFile !== null;
    const provider = this.#provider();
    return experimental.createCertificateProviderServerCredentials(provider, asksClients ? provider : null, asksClients);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #provider(): experimental.CertificateProvider {
    const follow = (tell: (certificate: Certificate) => void): void => {
      this.onChange(tell);
      // grpc-js listens for updates only after it has added itself.
      process.nextTick(() => tell(this.#current));
    };
    return {
      addIdentityCertificateListener: (listener) => follow(({ cert, key }) => listener({ certificate: cert, privateKey: key })),
      removeIdentityCertificateListener: () => {},
      addCaCertificateListener: (listener) => follow(({ clientCa }) => listener(clientCa === null ? null : { caCertificate: clientCa })),
      removeCaCertificateListener: () => {},
    };
  }

  /** Files that do not fit each other are half written, or wrong: the certificate that serves goes on until they do. */
  #look(): void {
    const stamp = this.#stamp();
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    try {
      this.#current = readCertificate(this.#files);
    } catch (error) {
      this.#log.error(`the certificate is not renewed: ${(error as Error).message}`);
      return;
    }
    this.#log.info("a new certificate is in use");
    for (const listener of this.#listeners) listener(this.#current);
  }

  #stamp(): string {
    const { certFile, keyFile, clientCaFile } = this.#files;
    return [certFile, keyFile, clientCaFile].map((file) => (file === null ? "" : fileStamp(file))).join();
  }
}

/** Changes when the file does; "" when it is not there. */
export function fileStamp(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
}

/** @throws IdiomError CONFIG_INVALID */
function readCertificate({ certFile, keyFile, clientCaFile }: Files): Certificate {
  try {
    const [cert, key, clientCa] = [readFileSync(certFile), readFileSync(keyFile), clientCaFile === null ? null : readFileSync(clientCaFile)];
    createSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) });
    return { cert, key, clientCa };
  } catch (error) {
    const names = [certFile, keyFile, clientCaFile].filter((file) => file !== null).join(", ");
    throw new IdiomError("CONFIG_INVALID", `TLS with ${names}: ${(error as Error).message}`);
  }
}
