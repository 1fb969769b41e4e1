// The data types of the Open Inference Protocol: code on the harness protocol's wire, and size of one element.

/** `size` is bytes per element; null for BYTES, whose elements carry their own length. */
export const DATATYPES = {
  BOOL: { code: 1, size: 1 },
  UINT8: { code: 2, size: 1 },
  UINT16: { code: 3, size: 2 },
  UINT32: { code: 4, size: 4 },
  UINT64: { code: 5, size: 8 },
  INT8: { code: 6, size: 1 },
  INT16: { code: 7, size: 2 },
  INT32: { code: 8, size: 4 },
  INT64: { code: 9, size: 8 },
  FP16: { code: 10, size: 2 },
  FP32: { code: 11, size: 4 },
  FP64: { code: 12, size: 8 },
  BYTES: { code: 13, size: null },
  BF16: { code: 14, size: 2 },
} as const;

export type Datatype = keyof typeof DATATYPES;

export const DATATYPE_NAMES = Object.keys(DATATYPES) as [Datatype, ...Datatype[]];

const BY_CODE: (Datatype | undefined)[] = [];
for (const name of DATATYPE_NAMES) BY_CODE[DATATYPES[name].code] = name;

/** The data type of a wire code, or undefined. */
export function datatypeOfCode(code: number): Datatype | undefined {
  return BY_CODE[code];
}

export function isDatatype(name: string): name is Datatype {
  return Object.hasOwn(DATATYPES, name);
}

/** MLServer's content types; the position is the wire code, 0 means none. */
export const CONTENT_TYPES = ["np", "pd", "str", "base64", "datetime"] as const;

export type ContentType = (typeof CONTENT_TYPES)[number];

export function contentTypeCode(contentType: ContentType | null): number {
  return contentType === null ? 0 : CONTENT_TYPES.indexOf(contentType) + 1;
}

export function isContentType(name: string): name is ContentType {
  return (CONTENT_TYPES as readonly string[]).includes(name);
}
