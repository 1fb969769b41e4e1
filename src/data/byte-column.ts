// Values of consecutive rows as raw bytes, one behind the other, in a buffer that grows.

const FIRST_BYTES = 4096;

export class ByteColumn {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  #committed = 0;

  /** Bytes of the rows that stand. */
  get length(): number {
    return this.#committed;
  }

  /** Appends a value of so many bytes with `write`; where that returns false, nothing is appended. */
  append<Value>(size: number, write: (view: DataView, at: number, value: Value) => boolean, value: Value): boolean {
    this.#room(size);
    if (!write(this.#view, this.#at, value)) return false;
    this.#at += size;
    return true;
  }

  appendFloat64(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** As an element of BYTES: its length, then its UTF-8. */
  appendText(text: string): void {
    this.#room(4 + 3 * text.length);
    const length = this.#buffer.write(text, this.#at + 4);
    this.#view.setUint32(this.#at, length, true);
    this.#at += 4 + length;
  }

  /** The bytes [from, to) of another buffer as such an element. */
  appendBytes(bytes: Uint8Array, from: number, to: number): void {
    this.#room(4 + to - from);
    this.#view.setUint32(this.#at, to - from, true);
    this.#buffer.set(bytes.subarray(from, to), this.#at + 4);
    this.#at += 4 + to - from;
  }

  /** Takes back what was appended since the last `commit`. */
  undo(): void {
    this.#at = this.#committed;
  }

  /** What was appended stands. Returns its bytes. */
  commit(): number {
    const bytes = this.#at - this.#committed;
    this.#committed = this.#at;
    return bytes;
  }

  /** What stands; the column is empty then, and these bytes are good until something is appended. */
  take(): Uint8Array {
    const data = this.#buffer.subarray(0, this.#committed);
    this.#at = 0;
    this.#committed = 0;
    return data;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
