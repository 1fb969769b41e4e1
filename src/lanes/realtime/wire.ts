// What travels through Redis: bundles of requests to a worker, replies back to a gateway. Compact and binary; a reader checks
// every length before it believes it.
import { CONTENT_TYPES, contentTypeCode, DATATYPES, datatypeOfCode } from "../../core/datatype.ts";
import { BATCH_PRIORITY, type InvocationRequest } from "../../core/invocation.ts";
import type { Tensor } from "../../core/tensor.ts";

const FORMAT = 1;

/** One request inside a bundle. */
export interface BundledRequest {
  /** Names the request within one life of its gateway. */
  readonly sequence: number;
  readonly attempt: number;
  readonly alone: boolean;
  readonly priority: InvocationRequest["priority"];
  /** ms of Redis' clock. */
  readonly deadline: number;
  readonly rows: number;
  readonly mergeKey: string;
  readonly inputs: readonly Tensor[];
}

/** Requests of one gateway for one version that go to one worker together. */
export interface Bundle {
  readonly gateway: string;
  readonly id: number;
  readonly versionKey: string;
  readonly digest: string;
  readonly requests: readonly BundledRequest[];
}

export type Reply =
  /** The node has the bundle; from now on it answers, or its lease ends. */
  | { readonly kind: "claim"; readonly bundle: number; readonly node: string }
  /** A node that stops has taken the bundle and run nothing of it. */
  | { readonly kind: "returned"; readonly bundle: number }
  | {
      readonly kind: "result";
      readonly sequence: number;
      readonly attempt: number;
      readonly queueMs: number;
      readonly computeMs: number;
      readonly outputs: readonly Tensor[];
    }
  | { readonly kind: "error"; readonly sequence: number; readonly attempt: number; readonly code: string; readonly message: string };

/** The bytes are no bundle or reply of this format. */
export class WireError extends Error {
  override name = "WireError";
}

export function encodeBundle(bundle: Bundle): Buffer {
  const writer = new Writer();
  writer.u8(FORMAT);
  writer.text(bundle.gateway);
  writer.f64(bundle.id);
  writer.text(bundle.versionKey);
  writer.text(bundle.digest);
  writer.u32(bundle.requests.length);
  for (const request of bundle.requests) {
    writer.f64(request.sequence);
    writer.u8(request.attempt);
    writer.u8(request.alone ? 1 : 0);
    writer.u8(request.priority);
    writer.f64(request.deadline);
    writer.u32(request.rows);
    writer.text(request.mergeKey);
    writer.tensors(request.inputs);
  }
  return writer.finish();
}

/** @throws WireError */
export function decodeBundle(bytes: Buffer): Bundle {
  const reader = new Reader(bytes);
  if (reader.u8() !== FORMAT) throw new WireError("another format; do all nodes run the same version of Idiom?");
  const [gateway, id, versionKey, digest] = [reader.text(), reader.f64(), reader.text(), reader.text()];
  const requests = reader.list(() => ({
    sequence: reader.f64(),
    attempt: reader.u8(),
    alone: reader.u8() === 1,
    priority: reader.priority(),
    deadline: reader.time(),
    rows: reader.u32(),
    mergeKey: reader.text(),
    inputs: reader.tensors(),
  }));
  reader.end();
  return { gateway, id, versionKey, digest, requests };
}

const REPLY_KINDS = { claim: 1, result: 2, error: 3, returned: 4 } as const;

export function encodeReplies(replies: readonly Reply[]): Buffer {
  const writer = new Writer();
  writer.u8(FORMAT);
  writer.u32(replies.length);
  for (const reply of replies) {
    writer.u8(REPLY_KINDS[reply.kind]);
    switch (reply.kind) {
      case "claim":
        writer.f64(reply.bundle);
        writer.text(reply.node);
        break;
      case "returned":
        writer.f64(reply.bundle);
        break;
      case "result":
        writer.f64(reply.sequence);
        writer.u8(reply.attempt);
        writer.f64(reply.queueMs);
        writer.f64(reply.computeMs);
        writer.tensors(reply.outputs);
        break;
      case "error":
        writer.f64(reply.sequence);
        writer.u8(reply.attempt);
        writer.text(reply.code);
        writer.text(reply.message);
        break;
    }
  }
  return writer.finish();
}

/** @throws WireError */
export function decodeReplies(bytes: Buffer): Reply[] {
  const reader = new Reader(bytes);
  if (reader.u8() !== FORMAT) throw new WireError("another format; do all nodes run the same version of Idiom?");
  const replies = reader.list((): Reply => {
    switch (reader.u8()) {
      case REPLY_KINDS.claim:
        return { kind: "claim", bundle: reader.f64(), node: reader.text() };
      case REPLY_KINDS.returned:
        return { kind: "returned", bundle: reader.f64() };
      case REPLY_KINDS.result:
        return { kind: "result", sequence: reader.f64(), attempt: reader.u8(), queueMs: reader.f64(), computeMs: reader.f64(), outputs: reader.tensors() };
      case REPLY_KINDS.error:
        return { kind: "error", sequence: reader.f64(), attempt: reader.u8(), code: reader.text(), message: reader.text() };
      default:
        throw new WireError("no such kind of reply");
    }
  });
  reader.end();
  return replies;
}

/** Appends to a buffer that doubles when it is full. */
class Writer {
  #buffer = Buffer.allocUnsafe(4096);
  #at = 0;

  u8(value: number): void {
    this.#room(1);
    this.#at = this.#buffer.writeUInt8(value, this.#at);
  }

  u32(value: number): void {
    this.#room(4);
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  f64(value: number): void {
    this.#room(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.u32(length);
    this.#room(length);
    this.#at += this.#buffer.write(value, this.#at);
  }

  tensors(tensors: readonly Tensor[]): void {
    this.u32(tensors.length);
    for (const { datatype, contentType, shape, data } of tensors) {
      this.u8(DATATYPES[datatype].code);
      this.u8(contentTypeCode(contentType));
      this.u8(shape.length);
      for (const dimension of shape) this.u32(dimension);
      this.u32(data.length);
      this.#room(data.length);
      this.#buffer.set(data, this.#at);
      this.#at += data.length;
    }
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  time(): number {
    const value = this.f64();
    if (!Number.isFinite(value)) throw new WireError("no such time");
    return value;
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    return this.#buffer.toString("utf8", at, at + length);
  }

  priority(): InvocationRequest["priority"] {
    const value = this.u8();
    if (value > BATCH_PRIORITY) throw new WireError("no such priority");
    return value as InvocationRequest["priority"];
  }

  /** Every element takes at least a byte, so a false count ends at the end of the bytes. */
  list<T>(element: () => T): T[] {
    const count = this.u32();
    if (count > this.#buffer.length - this.#at) throw new WireError(`${count} elements do not fit`);
    return Array.from({ length: count }, element);
  }

  tensors(): Tensor[] {
    return this.list(() => {
      const datatype = datatypeOfCode(this.u8());
      if (datatype === undefined) throw new WireError("no such data type");
      const code = this.u8();
      const contentType = code === 0 ? null : CONTENT_TYPES[code - 1];
      if (contentType === undefined) throw new WireError("no such content type");
      const shape: number[] = [];
      for (let rank = this.u8(); rank > 0; rank--) shape.push(this.u32());
      const length = this.u32();
      const at = this.#take(length);
      return { datatype, contentType, shape, data: this.#buffer.subarray(at, at + length) };
    });
  }

  end(): void {
    if (this.#at !== this.#buffer.length) throw new WireError(`${this.#buffer.length - this.#at} bytes too many`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#buffer.length) throw new WireError("it ends too early");
    this.#at += bytes;
    return at;
  }
}
