// grpc.health.v1 as a client sees it: one check, or a watch whose changes a test can wait for.
import { type ClientOptions, type ClientReadableStream, credentials, makeClientConstructor, type ServiceDefinition, type ServiceError } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

interface Answer {
  readonly status: string;
}

const Stub = makeClientConstructor(service as unknown as ServiceDefinition, "grpc.health.v1.Health");

export class HealthClient {
  readonly #stub: InstanceType<typeof Stub>;
  readonly #watches: HealthWatch[] = [];

  constructor(address: string, options: ClientOptions = {}) {
    this.#stub = new Stub(address, credentials.createInsecure(), options);
  }

  /** The names that it tells, but for "". */
  list(): Promise<string[]> {
    const list = this.#stub["list"] as unknown as (request: object, done: (error: ServiceError | null, answer: { statuses: object }) => void) => void;
    return new Promise((resolve, reject) => {
      list.call(this.#stub, {}, (error, answer) => (error === null ? resolve(Object.keys(answer.statuses).filter((name) => name !== "")) : reject(error)));
    });
  }

  check(name: string): Promise<string> {
    const check = this.#stub["check"] as unknown as (request: object, done: (error: ServiceError | null, answer: Answer) => void) => void;
    return new Promise((resolve, reject) => {
      check.call(this.#stub, { service: name }, (error, answer) => (error === null ? resolve(answer.status) : reject(error)));
    });
  }

  /** Resolves once the server has told the present status, so that no later change is missed. */
  async watch(name: string): Promise<HealthWatch> {
    const watch = this.#stub["watch"] as unknown as (request: object) => ClientReadableStream<Answer>;
    const opened = new HealthWatch(watch.call(this.#stub, { service: name }));
    this.#watches.push(opened);
    await opened.next();
    return opened;
  }

  /** Resolves once the server says this of `name`. */
  async says(name: string, status: "SERVING" | "NOT_SERVING"): Promise<void> {
    const watch = await this.watch(name);
    // The watch has taken the status of its start; a change since then is still to come.
    if ((await this.check(name).catch(() => "")) !== status) await watch.until(status);
    watch.close();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#stub.close();
  }
}

export class HealthWatch {
  readonly #stream: ClientReadableStream<Answer>;
  readonly #statuses: AsyncIterator<Answer>;

  constructor(stream: ClientReadableStream<Answer>) {
    this.#stream = stream;
    this.#statuses = stream[Symbol.asyncIterator]();
  }

  /** The next status that the server tells. */
  async next(): Promise<string> {
    const { value, done } = await this.#statuses.next();
    if (done) throw new Error("the server ended the watch");
    return (value as Answer).status;
  }

  /** Reads on until the server has told `status`. */
  async until(status: string): Promise<void> {
    while ((await this.next()) !== status);
  }

  close(): void {
    this.#stream.on("error", () => {});
    this.#stream.cancel();
  }
}
