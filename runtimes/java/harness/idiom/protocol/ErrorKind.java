// The kinds of PROTOCOL.md, section 6.
package idiom.protocol;

/** What kind of failure a FAILED or an ERROR tells of. */
public enum ErrorKind {
  MODEL_ERROR,
  INVALID_INPUT,
  INVALID_OUTPUT,
  OUT_OF_MEMORY,
  CANCELLED,
  RESULT_TOO_LARGE,
  ENTRY_NOT_FOUND,
  MISSING_PACKAGE,
  LOAD_FAILED,
  SIGNATURE,
  PROTOCOL
}
