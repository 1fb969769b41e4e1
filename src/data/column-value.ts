// Values of typed columns: how they are held, how text formats show them, how a job's spool keeps them.
import type { ColumnType, TimeUnit } from "../core/column.ts";
import { type JsonValue, shortestFloat32 } from "../core/json-tensor.ts";

/**
 * 64-bit integers, times, timestamps and decimals are bigint: the count of their unit, for decimals of 10^-scale. Smaller integers and
 * dates are numbers, bytes are views.
 */
export type ColumnValue = null | boolean | number | bigint | string | Uint8Array | readonly ColumnValue[];

/** As it stands in CSV and JSON Lines: times as ISO 8601 has them, decimals with all their digits, bytes as text or else base64. */
export function shownValue(type: ColumnType, value: ColumnValue): JsonValue {
  if (value === null) return null;
  switch (type.kind) {
    case "int":
      return narrow(value as number | bigint);
    case "float":
      if (!Number.isFinite(value)) return String(value);
      return type.bits === 32 ? shortestFloat32(value as number) : (value as number);
    case "bytes":
      return textOf(value as Uint8Array);
    case "date":
      return isoText(BigInt(value as number) * 86_400n, 0n, "s").slice(0, -"T00:00:00".length);
    case "time":
      return sinceText(value as bigint, type.unit).split("T")[1] as string;
    case "timestamp":
      return `${sinceText(value as bigint, type.unit)}${type.zone === null ? "" : "Z"}`;
    case "decimal":
      return decimalText(value as bigint, type.scale);
    case "list":
      return (value as readonly ColumnValue[]).map((element) => shownValue(type.of, element));
    default:
      return value as JsonValue;
  }
}

/** For the spool, where JSON has no word for it: bigint, bytes, and the floats -0, NaN and infinity are text. */
export function spooledValue(value: ColumnValue): JsonValue {
  if (Array.isArray(value)) return value.map(spooledValue);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) return value === 0 ? "-0" : String(value);
  return value as JsonValue;
}

export function unspooledValue(type: ColumnType, value: JsonValue): ColumnValue {
  if (value === null) return null;
  switch (type.kind) {
    case "int":
      return type.bits === 64 ? BigInt(value as string) : (value as number);
    case "float":
      return Number(value);
    case "bytes":
      return Buffer.from(value as string, "base64");
    case "time":
    case "timestamp":
    case "decimal":
      return BigInt(value as string);
    case "list":
      return (value as JsonValue[]).map((element) => unspooledValue(type.of, element));
    default:
      return value;
  }
}

/** A number where that is as exact. */
export function narrow(value: number | bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are no text are written in base64, as everywhere. */
export function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("base64");
  }
}

const PER_SECOND: Record<TimeUnit, bigint> = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };

function sinceText(count: bigint, unit: TimeUnit): string {
  const perSecond = PER_SECOND[unit];
  const fraction = ((count % perSecond) + perSecond) % perSecond;
  return isoText((count - fraction) / perSecond, fraction, unit);
}

/** Beyond the years that ISO 8601 names, the count of seconds. */
function isoText(seconds: bigint, fraction: bigint, unit: TimeUnit): string {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}T00:00:00`;
  const digits = String(PER_SECOND[unit]).length - 1;
  return `${date.toISOString().slice(0, -".000Z".length)}${digits === 0 ? "" : `.${String(fraction).padStart(digits, "0")}`}`;
}

function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
