// The certificate of the front doors, read again when its files change: a renewed one is used by the next connection, without a restart.
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import { WatchedFiles } from "./watched-files.ts";

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authority of the clients' certificates; null: they need none. */
  readonly clientCa: Buffer | null;
}

type Files = Config["tls"] & { readonly certFile: string; readonly keyFile: string };

export class TlsFiles {
  readonly #files: Files;
  readonly #log: Logger;
  readonly #listeners = new Set<(certificate: Certificate) => void>();
  readonly #watched: WatchedFiles;
  #current: Certificate;

  /** @throws IdiomError CONFIG_INVALID when the files cannot be read or do not belong together. */
  constructor(files: Files, log: Logger) {
    this.#files = files;
    this.#log = log;
    this.#watched = new WatchedFiles([files.certFile, files.keyFile, files.clientCaFile].filter((file) => file !== null));
    this.#current = readCertificate(files);
    this.#watched.onChange(
      () => this.#readAgain(),
      (reason) => log.error(`the certificate is not renewed: ${reason}`),
    );
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
    this.#watched.close();
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
  #readAgain(): void {
    this.#current = readCertificate(this.#files);
    this.#log.info("a new certificate is in use");
    for (const listener of this.#listeners) listener(this.#current);
  }
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
