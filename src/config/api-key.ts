// An API key as text: `idiom_ID_SECRETCHECKSUM`. The prefix lets scanners find keys that leak, the checksum tells a typing error from a revoked key.
import { hash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

export interface NewApiKey {
  /** Shown once, to whoever made it; stored nowhere. */
  readonly text: string;
  readonly id: string;
  /** sha256, in hex. */
  readonly hash: string;
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Of 62 letters each: the secret has 190 bits. */
const ID_LENGTH = 8;
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 7;

const FORM = new RegExp(`^(idiom_(\\w{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH}})([0-9a-z]{${CHECKSUM_LENGTH}})$`);

export function newApiKey(): NewApiKey {
  const id = random(ID_LENGTH);
  const body = `idiom_${id}_${random(SECRET_LENGTH)}`;
  const text = `${body}${checksumOf(body)}`;
  return { text, id, hash: hashOf(text) };
}

/** What a key says of itself; null: no key of ours, or mistyped. */
export function parseApiKey(text: string): { readonly id: string; readonly hash: string } | null {
  const [, body = "", id = "", checksum] = FORM.exec(text) ?? [];
  return checksum === undefined || checksum !== checksumOf(body) ? null : { id, hash: hashOf(text) };
}

/** One round without salt is enough: nobody can guess 190 random bits, however fast the hash. Slow hashes are for passwords, which people choose. */
function hashOf(text: string): string {
  return hash("sha256", text);
}

function checksumOf(body: string): string {
  return crc32(body).toString(36).padStart(CHECKSUM_LENGTH, "0");
}

function random(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}
