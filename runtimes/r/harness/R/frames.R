# Frames on a connection: the 16-byte header and JSON bodies (PROTOCOL.md, sections 2 and 3).

FRAME_TYPES <- c(
  HELLO = 0x01L, INIT = 0x02L, LOADED = 0x03L, BIND = 0x04L, READY = 0x05L, FAILED = 0x06L, LOG = 0x07L, CANCEL = 0x08L,
  PING = 0x09L, PONG = 0x0aL, DRAIN = 0x0bL, BYE = 0x0cL, INFER = 0x10L, RESULT = 0x11L, ERROR = 0x12L,
  FORK = 0x20L, FORKED = 0x21L, TAKEN = 0x22L, EXITED = 0x23L
)
INFER <- FRAME_TYPES[["INFER"]]
RESULT <- FRAME_TYPES[["RESULT"]]
DEFAULT_MAX_FRAME <- 64L * 1024L * 1024L
NO_ID <- c(0L, 0L)
# By the type's byte plus one.
IS_FRAME_TYPE <- 0:255 %in% FRAME_TYPES

#' Reads a frame's header from a connection or a raw vector: four 32-bit words, `length`, `type` with the flags, and the
#' two halves of the `id`, which is only ever repeated and so never becomes a number.
#' @return list(length, type, id)
read_header <- function(con, max_frame) {
  words <- .Internal(readBin(con, "integer", 4L, 4L, TRUE, swap_bytes))
  if (length(words) < 4L) end_of_file()
  length <- words[[1L]]
  # A length of 2^31 and more reads as a negative number or NA.
  if (is.na(length) || length < 0L || length > max_frame) violation("a frame's length is beyond max_frame")
  type <- words[[2L]] %% 256L
  if (is.na(type) || !IS_FRAME_TYPE[[type + 1L]]) violation(paste("no such frame type:", type))
  list(length = length, type = type, id = words[3:4])
}

#' Reads a JSON body from either, which must be an object. Integers beyond 2^53 come as text.
read_json <- function(con, length) {
  bytes <- read_exactly(con, "raw", length, 1L)
  text <- if (any(bytes == 0L)) "" else rawToChar(bytes)
  if (!validUTF8(text)) violation("a JSON body is not UTF-8")
  Encoding(text) <- "UTF-8"
  if (!grepl("^[ \t\r\n]*[{]", text)) violation("a JSON body is no object")
  tryCatch(jsonlite::parse_json(text, bigint_as_char = TRUE), error = function(e) violation("a body is no JSON"))
}

#' Writes a frame with a JSON body: a list, NULL for null, or ready text.
#' @param type a name of FRAME_TYPES
write_json <- function(con, type, body, id = NO_ID) {
  write_binary(json_frame(type, body, id), con, 1L)
  flush.connection(con)
}

#' The bytes of such a frame.
json_frame <- function(type, body, id = NO_ID) {
  bytes <- charToRaw(if (is.character(body)) body else json_text(body))
  c(write_binary(c(length(bytes), FRAME_TYPES[[type]], id), raw(), 4L), bytes)
}

json_text <- function(body) {
  enc2utf8(jsonlite::toJSON(body, auto_unbox = TRUE, null = "null", na = "null", digits = NA))
}
