# The body of INFER and RESULT: header words, then the tensors' bytes (PROTOCOL.md, section 5).

DATATYPES <- c(
  BOOL = 1L, UINT8 = 2L, UINT16 = 3L, UINT32 = 4L, UINT64 = 5L, INT8 = 6L, INT16 = 7L, INT32 = 8L, INT64 = 9L,
  FP16 = 10L, FP32 = 11L, FP64 = 12L, BYTES = 13L, BF16 = 14L
)
# Bytes of an element, by code; 0 where it varies.
ELEMENT_BYTES <- c(1L, 1L, 2L, 4L, 8L, 1L, 2L, 4L, 8L, 2L, 4L, 8L, 0L, 2L)
BYTES <- DATATYPES[["BYTES"]]
CONTENT_TYPES <- c(np = 1L, pd = 2L, str = 3L, base64 = 4L, datetime = 5L)
# Layouts that a reader remembers.
KEPT_LAYOUTS <- 64L

#' A reader of tensor bodies, straight from the connection. Everything that the header says is checked before any data
#' is read. Frames of one model look much alike, so a layout that was checked is kept: the next frame with the very
#' same header words has it too.
#' @param accept function(layout): checks a new layout further and returns it, with a function `read(con, elements,
#'   bytes)` in each of its tensors, which takes that tensor's bytes
#' @param result whether a JSON block may end the body
#' @return function(con, length), which returns list(layout, data): tensor_layout() as accepted, and what each `read`
#'   returned. The JSON block is left to be read.
tensor_reader <- function(accept, result = FALSE) {
  kept <- vector("list", KEPT_LAYOUTS)
  function(con, length) {
    if (length < 16L) violation("a tensor body has no room for its first four words")
    first <- read_exactly(con, "integer", 4L, 4L)
    slot <- first[[2L]] %% KEPT_LAYOUTS + 1L
    layout <- if (!is.na(slot)) kept[[slot]]
    seen <- !is.null(layout) && layout$length == length && identical(layout$first, first)
    if (!seen) check_first_words(first, length, result)
    words <- read_exactly(con, "integer", first[[1L]] %/% 4L - 4L, 4L)
    if (!seen || !identical(layout$words, words)) {
      layout <- accept(tensor_layout(first, words, length))
      kept[[slot]] <<- layout
    }
    tensors <- layout$tensors
    data <- vector("list", first[[3L]])
    for (k in seq_along(tensors)) {
      tensor <- tensors[[k]]
      if (tensor$gap > 0) read_exactly(con, "raw", tensor$gap, 1L)
      data[[k]] <- tensor$read(con, tensor$elements, tensor$bytes)
    }
    list(layout = layout, data = data)
  }
}

check_first_words <- function(first, length, result) {
  if (anyNA(first) || min(first) < 0L) violation("a word is beyond 2^31 - 1")
  header <- first[[1L]]
  if (header %% 8L != 0L || header < 16L || header > length) violation("the header's length does not fit the body")
  if (first[[4L]] != 0L && !result) violation("INFER has no JSON block")
}

#' What the header words of a body say; a violation if they do not add up.
#' @param first,words the first four words, as check_first_words() lets them pass, and those after them
#' @param length of the whole body
#' @return list(length, first, words, tensors, rows, segments, json_bytes, json_gap): `segments` are the rows of each,
#'   `rows` their sum or -1 where they are not counted, `tensors` a list of list(gap, elements, bytes, dims,
#'   content_type, index, datatype), `gap` the zeros before the data
tensor_layout <- function(first, words, length) {
  segment_count <- first[[2L]]
  tensor_count <- first[[3L]]
  json_bytes <- first[[4L]]
  count <- base::length(words)
  if (segment_count == 0L) violation("a tensor body without segments")
  # 5 is a double: counts near 2^31 must not overflow.
  if (segment_count + 5 * tensor_count > count) violation("segments and descriptors do not fit in the header")
  if (anyNA(words) || min(words) < 0L) violation("a word is beyond 2^31 - 1")
  segments <- words[seq_len(segment_count)]
  rows <- if (segment_count == 1L && segments == 0L) -1 else sum(as.double(segments))

  at <- segment_count
  end <- 4 * (count + 4)
  tensors <- vector("list", tensor_count)
  for (k in seq_len(tensor_count)) {
    if (at + 5L > count) violation("the descriptors do not fit in the header")
    rank <- words[[at + 5L]]
    if (at + 5 + rank > count) violation("the dimensions do not fit in the header")
    dims <- words[at + 5L + seq_len(rank)]
    tensor <- tensor_descriptor(words[at + 1:4], dims, aligned(end) - end)
    if (rows >= 0 && (rank == 0L || dims[[1L]] != rows)) violation("dimension 0 is not the sum of the rows")
    tensors[[k]] <- tensor
    end <- aligned(end) + tensor$bytes
    at <- at + 5L + rank
  }
  if (count - at > 1L) violation("the header is longer than its words")
  json_gap <- if (json_bytes > 0L) aligned(end) - end else 0
  end <- end + json_gap + json_bytes
  if (end > length) violation("data ends beyond the body")
  if (end < length) violation("bytes after the last tensor")
  # What every frame looks at comes first: R looks for a name from the front.
  list(
    length = length, first = first, words = words, tensors = tensors, rows = rows, segments = segments,
    json_bytes = json_bytes, json_gap = json_gap
  )
}

tensor_descriptor <- function(words, dims, gap) {
  code <- words[[2L]]
  if (code < 1L || code > base::length(ELEMENT_BYTES)) violation("no such data type")
  if (words[[3L]] > base::length(CONTENT_TYPES)) violation("no such content type")
  elements <- prod(dims)
  if (code != BYTES && elements * ELEMENT_BYTES[[code]] != words[[4L]]) {
    violation("a tensor's byte length is not its elements' size")
  }
  list(
    gap = gap, elements = elements, bytes = words[[4L]], dims = dims, content_type = words[[3L]], index = words[[1L]],
    datatype = code
  )
}

aligned <- function(offset) offset + -offset %% 8

#' A tensor for write_tensors().
#' @param data values in row-major order that go out with `size` bytes each, or the raw bytes with size 1
wire_tensor <- function(index, datatype, dims, data, size, content_type = 0L) {
  bytes <- length(data) * size
  list(
    words = c(index, datatype, content_type, bytes, length(dims), dims), bytes = bytes, data = data, size = size
  )
}

#' Writes a tensor frame in one flush.
#' @param type RESULT, or INFER from a host
#' @param tensors list of wire_tensor()
#' @param json text of the JSON block, or NULL
write_tensors <- function(con, type, id, segments, tensors, json = NULL, max_frame = DEFAULT_MAX_FRAME) {
  count <- length(tensors)
  block <- if (is.null(json)) raw() else charToRaw(json)
  words <- c(0L, type, id, 0L, length(segments), count, length(block), segments)
  total <- 0
  for (tensor in tensors) {
    words <- c(words, tensor$words)
    total <- total + -total %% 8 + tensor$bytes
  }
  if (length(block) > 0L) total <- aligned(total) + length(block)
  if (length(words) %% 2L != 0L) words <- c(words, 0L)
  header <- 4L * length(words) - 16L
  total <- header + total
  if (is.na(total) || total > max_frame) too_large(max_frame)
  words[[1L]] <- as.integer(total)
  words[[5L]] <- header

  write_binary(words, con, 4L)
  gap <- 0L
  for (tensor in tensors) {
    if (gap > 0L) write_binary(raw(gap), con, 1L)
    write_binary(tensor$data, con, tensor$size)
    gap <- -tensor$bytes %% 8L
  }
  if (length(block) > 0L) {
    write_binary(raw(gap), con, 1L)
    write_binary(block, con, 1L)
  }
  .Internal(flush(con))
}

too_large <- function(max_frame) {
  failure("RESULT_TOO_LARGE", paste("the answer is larger than the", format(max_frame), "bytes that a frame may have"))
}
