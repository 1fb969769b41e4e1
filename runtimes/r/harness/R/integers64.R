# INT64 and UINT64: bit64's integer64, whose values are the bits of doubles.

#' Marks doubles that hold the bits of 64-bit integers as such.
as_integer64_bits <- function(x) {
  class(x) <- "integer64"
  x
}

#' One number, of INT64 or UINT64, as integer64 with the bits that it has on the wire. Digit by digit in two 32-bit
#' halves: bit64 reads decimals beyond the signed range as its largest number.
#' @param number an integral number or its decimal text
integer64_from_number <- function(number) {
  text <- if (is.character(number)) number else sprintf("%.0f", number)
  low <- high <- 0
  for (digit in as.integer(strsplit(sub("^-", "", text), "")[[1L]])) {
    low <- low * 10 + digit
    high <- (high * 10 + low %/% 2^32) %% 2^32
    low <- low %% 2^32
  }
  if (startsWith(text, "-")) {
    high <- (-high - (low > 0)) %% 2^32
    low <- -low %% 2^32
  }
  as_integer64_bits(doubles_from_words(signed_word(low), signed_word(high)))
}

#' 32-bit words, 0 .. 2^32 - 1, as R's signed integers; the sign bit alone is R's NA.
signed_word <- function(word) {
  word <- ifelse(word >= 2^31, word - 2^32, word)
  word[word == -2^31] <- NA
  as.integer(word)
}

#' Integral doubles as integer64.
#' @return integer64, or NULL where a value is no integer or out of range
integer64_from_doubles <- function(x, unsigned) {
  low <- if (unsigned) 0 else -2^63
  high <- if (unsigned) 2^64 else 2^63
  known <- x[!is.na(x)]
  if (!all(known == trunc(known) & known >= low & known < high)) return(NULL)
  # The upper half of the unsigned range has the bits of the negative numbers.
  if (unsigned) x <- ifelse(x >= 2^63, x - 2^64, x)
  edge <- !is.na(x) & x == -2^63
  x[edge] <- 0
  bits <- bit64::as.integer64(x)
  bits[edge] <- bit64::NA_integer64_
  bits
}
