# The body of INFER and RESULT: header words, then the tensors' bytes (PROTOCOL.md, section 5).

DATATYPES <- c(
  BOOL = 1L, UINT8 = 2L, UINT16 = 3L, UINT32 = 4L, UINT64 = 5L, INT8 = 6L, INT16 = 7L, INT32 = 8L, INT64 = 9L,
  FP16 = 10L, FP32 = 11L, FP64 = 12L, BYTES = 13L, BF16 = 14L
)
# Bytes of an element, by code; 0 where it varies.
ELEMENT_BYTES <- c(1L, 1L, 2L, 4L, 8L, 1L, 2L, 4L, 8L, 2L, 4L, 8L, 0L, 2L)
CONTENT_TYPES <- c(np = 1L, pd = 2L, str = 3L, base64 = 4L, datetime = 5L)

#' Reads the body of a tensor frame straight from the connection. Everything that the header says is checked before
#' any data is read.
#' @param length the frame's length
#' @param take function(con, index, datatype, elements, bytes): reads one tensor's bytes and returns what it made of them
#' @param result whether a JSON block may end the body
#' @return list(segments, rows, index, datatype, content_type, dims, data, json): `rows` is the number of rows of all
#'   segments, or -1 where they are not counted; `json` the parsed block or NULL; the others have one element per tensor
read_tensors <- function(con, length, take, result = FALSE) {
  if (length < 16L) violation("a tensor body has no room for its first four words")
  first <- read_exactly(con, "integer", 4L, 4L)
  if (anyNA(first) || min(first) < 0L) violation("a word is beyond 2^31 - 1")
  header <- first[[1L]]
  segment_count <- first[[2L]]
  tensor_count <- first[[3L]]
  if (header %% 8L != 0L || header < 16L || header > length) violation("the header's length does not fit the body")
  if (segment_count == 0L) violation("a tensor body without segments")
  if (first[[4L]] != 0L && !result) violation("INFER has no JSON block")
  word_count <- header %/% 4L - 4L
  # 5 is a double: counts near 2^31 must not overflow.
  if (segment_count + 5 * tensor_count > word_count) violation("segments and descriptors do not fit in the header")
  words <- read_exactly(con, "integer", word_count, 4L)
  if (anyNA(words) || min(words) < 0L) violation("a word is beyond 2^31 - 1")
  segments <- words[seq_len(segment_count)]
  rows <- if (segment_count == 1L && segments == 0L) -1 else sum(as.double(segments))

  at <- segment_count
  end <- header
  index <- datatype <- content_type <- bytes <- elements <- start <- numeric(tensor_count)
  dims <- data <- vector("list", tensor_count)
  for (k in seq_len(tensor_count)) {
    if (at + 5L > word_count) violation("the descriptors do not fit in the header")
    rank <- words[[at + 5L]]
    if (at + 5 + rank > word_count) violation("the dimensions do not fit in the header")
    shape <- if (rank == 0L) integer() else words[(at + 6L):(at + 5L + rank)]
    code <- words[[at + 2L]]
    if (code < 1L || code > 14L) violation("no such data type")
    if (words[[at + 3L]] > 5L) violation("no such content type")
    if (rows >= 0 && (rank == 0L || shape[[1L]] != rows)) violation("dimension 0 is not the sum of the rows")
    index[[k]] <- words[[at + 1L]]
    datatype[[k]] <- code
    content_type[[k]] <- words[[at + 3L]]
    bytes[[k]] <- words[[at + 4L]]
    elements[[k]] <- prod(shape)
    if (code != 13L && elements[[k]] * ELEMENT_BYTES[[code]] != bytes[[k]]) {
      violation("a tensor's byte length is not its elements' size")
    }
    dims[[k]] <- shape
    start[[k]] <- aligned(end)
    end <- start[[k]] + bytes[[k]]
    at <- at + 5L + rank
  }
  if (word_count - at > 1L) violation("the header is longer than its words")
  if (first[[4L]] != 0L) end <- aligned(end) + first[[4L]]
  if (end > length) violation("data ends beyond the body")
  if (end < length) violation("bytes after the last tensor")

  position <- header
  for (k in seq_len(tensor_count)) {
    if (start[[k]] > position) read_exactly(con, "raw", start[[k]] - position, 1L)
    taken <- take(con, index[[k]], datatype[[k]], elements[[k]], bytes[[k]])
    if (!is.null(taken)) data[[k]] <- taken
    position <- start[[k]] + bytes[[k]]
  }
  json <- NULL
  if (first[[4L]] != 0L) {
    read_exactly(con, "raw", aligned(position) - position, 1L)
    json <- read_json(con, first[[4L]])
  }
  list(
    segments = segments, rows = rows, index = index, datatype = datatype, content_type = content_type, dims = dims,
    data = data, json = json
  )
}

#' Writes a tensor frame in one flush.
#' @param type RESULT, or INFER from a host
#' @param tensors list of list(index, datatype, content_type, dims, data, size): `data` are values in row-major order, or
#'   the raw bytes, that go out with `size` bytes each
#' @param json text of the JSON block, or NULL
write_tensors <- function(con, type, id, segments, tensors, json = NULL, max_frame = DEFAULT_MAX_FRAME) {
  count <- length(tensors)
  words <- c(0L, 0L, 0L, 0L, 0L, length(segments), count, 0L, segments)
  bytes <- integer(count)
  for (k in seq_len(count)) {
    tensor <- tensors[[k]]
    size <- as.double(length(tensor$data)) * tensor$size
    if (size > max_frame) too_large(max_frame)
    bytes[[k]] <- as.integer(size)
    dims <- tensor$dims
    words <- c(words, tensor$index, tensor$datatype, tensor$content_type, bytes[[k]], length(dims), dims)
  }
  if (length(words) %% 2L == 1L) words <- c(words, 0L)
  header <- (length(words) - 4L) * 4L
  block <- if (is.null(json)) raw() else charToRaw(json)
  # Each tensor but the last thing of the body is padded to a multiple of 8.
  gaps <- -bytes %% 8L
  if (length(block) == 0L && count > 0L) gaps[[count]] <- 0L
  total <- header + sum(as.double(bytes)) + sum(gaps) + length(block)
  if (total > max_frame) too_large(max_frame)
  words[[1L]] <- as.integer(total)
  words[[2L]] <- type
  words[3:4] <- id
  words[[5L]] <- header
  words[[8L]] <- length(block)

  write_binary(words, con, 4L)
  for (k in seq_len(count)) {
    tensor <- tensors[[k]]
    write_binary(tensor$data, con, tensor$size)
    if (gaps[[k]] > 0L) write_binary(raw(gaps[[k]]), con, 1L)
  }
  if (length(block) > 0L) write_binary(block, con, 1L)
  flush.connection(con)
}

too_large <- function(max_frame) {
  failure("RESULT_TOO_LARGE", paste("the answer is larger than the", format(max_frame), "bytes that a frame may have"))
}

aligned <- function(offset) offset + -offset %% 8
