# BYTES elements: u32 length and bytes, one after the other. Split and joined without a loop over the bytes.

#' Where the elements of a tensor lie in its bytes.
#' @param bytes raw vector
#' @param count number of elements by the shape
#' @return list(start, length): 0-based offset of the first byte, and number of bytes, of each element
locate_elements <- function(bytes, count) {
  total <- length(bytes)
  if (4 * count > total) violation("a BYTES tensor has fewer elements than its shape")
  start <- size <- numeric(count)
  if (count > 0L) {
    byte <- as.integer(bytes)
    last <- total - 3L
    # The length that would begin at each offset; a double where it is beyond what an integer holds.
    lengths <- byte[1:last] + 256 * byte[2:(last + 1L)] + 65536 * byte[3:(last + 2L)] + 16777216 * byte[4:total]
  }
  at <- 0
  for (i in seq_len(count)) {
    if (at + 4 > total) violation("a BYTES tensor has fewer elements than its shape")
    size[[i]] <- lengths[[at + 1]]
    start[[i]] <- at + 4
    at <- at + 4 + size[[i]]
    if (at > total) violation("a BYTES element ends beyond its tensor")
  }
  if (at != total) violation("a BYTES tensor has more elements than its shape")
  list(start = start, length = size)
}

#' The elements as raw vectors.
split_elements <- function(bytes, count) {
  at <- locate_elements(bytes, count)
  .mapply(function(start, length) bytes[start + seq_len(length)], list(at$start, at$length), NULL)
}

#' The elements as UTF-8 text.
#' @param name the tensor's, for messages
split_texts <- function(bytes, count, name) {
  at <- locate_elements(bytes, count)
  if (count == 0L) return(character())
  nul <- which(bytes == 0L) - 1
  # The lengths' own bytes are full of zeros: what is left must lie between start and end of an element.
  owner <- findInterval(nul, at$start)
  inside <- owner > 0L
  inside[inside] <- nul[inside] < (at$start + at$length)[owner[inside]]
  if (any(inside)) {
    invalid_input(name, "holds a zero byte, which R's text cannot", owner[inside][[1L]] - 1L)
  }
  # As bytes, substring() neither decodes nor searches; zeros are in the lengths only.
  bytes[nul + 1] <- as.raw(0x20)
  text <- rawToChar(bytes)
  Encoding(text) <- "bytes"
  texts <- substring(text, at$start + 1, at$start + at$length)
  Encoding(texts) <- "UTF-8"
  broken <- which(!validUTF8(texts))
  if (length(broken) > 0L) invalid_input(name, "is not UTF-8", broken[[1L]] - 1L)
  texts
}

#' The bytes of a tensor out of its elements.
#' @param elements list of raw vectors
join_elements <- function(elements) {
  if (length(elements) == 0L) return(raw())
  interleave(lengths(elements), unlist(elements, use.names = FALSE))
}

#' The bytes of a tensor out of texts, as UTF-8.
join_texts <- function(texts) {
  texts <- enc2utf8(texts)
  interleave(nchar(texts, "bytes"), charToRaw(paste(texts, collapse = "")))
}

interleave <- function(sizes, bytes) {
  count <- length(sizes)
  if (count == 0L) return(raw())
  joined <- raw(4 * count + length(bytes))
  heads <- rep(cumsum(c(0, sizes[-count] + 4)), each = 4L) + 1:4
  joined[heads] <- write_binary(as.integer(sizes), raw(), 4L)
  if (length(bytes) > 0L) joined[-heads] <- bytes
  joined
}
