# Reading and writing numbers on a connection. base::readBin and base::writeBin check their arguments for 3 to 6
# microseconds a call, many times what the work itself takes for a small frame; these go straight to the same code, and
# so does whatever runs once a frame: a call of a function costs as much as reading a small tensor.

swap_bytes <- .Platform$endian == "big"

#' Reads at most `n` values of `size` bytes from a connection or a raw vector; fewer at its end.
#' @param what "integer", "double" or "raw"
read_binary <- function(source, what, n, size, signed = TRUE) {
  .Internal(readBin(source, what, n, size, signed, swap_bytes))
}

#' Writes the values of `x`, each in `size` bytes, to a connection, or returns them when `target` is a raw vector.
write_binary <- function(x, target, size) {
  .Internal(writeBin(x, target, size, swap_bytes, FALSE))
}

#' Like read_binary(), but the end of the stream before the last value ends the session.
read_exactly <- function(source, what, n, size, signed = TRUE) {
  x <- .Internal(readBin(source, what, n, size, signed, swap_bytes))
  if (length(x) < n) end_of_file()
  x
}

#' A function(con, elements, bytes) that reads exactly `elements` values of `size` bytes.
reader <- function(what, size, signed = TRUE) {
  function(con, elements, bytes) {
    x <- .Internal(readBin(con, what, elements, size, signed, swap_bytes))
    if (length(x) < elements) end_of_file()
    x
  }
}

#' The doubles whose bits are the given halves: vectors of signed 32-bit words.
doubles_from_words <- function(low, high) {
  words <- rbind(low, high, deparse.level = 0L)
  storage.mode(words) <- "integer"
  read_binary(write_binary(as.vector(words), raw(), 4L), "double", length(high), 8L)
}

#' The bits of doubles as a matrix of signed 32-bit words: row 1 the low halves, row 2 the high ones.
words_from_doubles <- function(x) {
  words <- read_binary(write_binary(as.double(x), raw(), 8L), "integer", 2L * length(x), 4L)
  dim(words) <- c(2L, length(x))
  words
}
