// ISO 8601 text and Date. A Date has no notion of "without an offset": such text is read as UTC, and every Date leaves as UTC.

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** @param {string} text @returns {Date | null} to the millisecond; null when the text is no date */
export function parseDateTime(text) {
  const found = ISO.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((digits) => Number(digits ?? 0));
  const millisecond = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, millisecond);
  // Date carries over what is too large: 30 February would become 2 March.
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return null;
  return new Date(local.getTime() - offsetMs(found[8]));
}

/** @param {string | undefined} offset */
function offsetMs(offset) {
  if (offset === undefined || offset.toUpperCase() === "Z") return 0;
  const digits = offset.slice(1).replace(":", "").padEnd(4, "0");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (offset[0] === "-" ? -minutes : minutes) * 60_000;
}

/** @param {Date} date valid @returns {string} "2026-01-02T03:04:05Z", with a fraction only where it is not zero */
export function formatDateTime(date) {
  return date.toISOString().replace(/\.?0*Z$/, "Z");
}
