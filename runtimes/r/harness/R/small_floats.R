# FP16 and BF16, which R does not have: to and from doubles by their bits, so that NaN payloads survive.

FP16 <- list(mantissa = 10L, bias = 15L, top = 31L)
BF16 <- list(mantissa = 7L, bias = 127L, top = 255L)

#' Doubles from 16-bit codes.
#' @param codes integers, 0 .. 65535
#' @param format FP16 or BF16
doubles_from_codes <- function(codes, format) {
  unit <- bitwShiftL(1L, format$mantissa)
  negative <- codes >= 0x8000L
  magnitude <- codes %% 0x8000L
  exponent <- magnitude %/% unit
  mantissa <- magnitude %% unit
  # What is neither zero nor subnormal is the high word of a double with another bias. The sign is set last, as the sign
  # bit alone is R's NA.
  double_exponent <- ifelse(exponent == format$top, 2047L, exponent - format$bias + 1023L)
  high <- double_exponent * 0x100000L + mantissa * bitwShiftL(1L, 20L - format$mantissa)
  high[negative] <- high[negative] - 0x7fffffffL - 1L
  x <- doubles_from_words(integer(length(codes)), high)
  small <- exponent == 0L
  if (any(small)) {
    x[small] <- mantissa[small] * 2^(1 - format$bias - format$mantissa) * ifelse(negative[small], -1, 1)
  }
  x
}

#' 16-bit codes from doubles, rounded to nearest, ties to even, in one step.
codes_from_doubles <- function(x, format) {
  high <- words_from_doubles(x)[2L, ]
  # NA is the sign bit alone.
  negative <- is.na(high) | high < 0L
  high[is.na(high)] <- 0L
  high <- bitwAnd(high, 0x7fffffffL)
  top <- bitwShiftL(format$top, format$mantissa)

  exponent <- pmax(high %/% 0x100000L - 1023L, 1L - format$bias)
  # round() is exact to even here: its digits are 0. A carry out of the mantissa raises the exponent by itself.
  units <- round(abs(x) * 2^(format$mantissa - exponent))
  codes <- pmin(units + (exponent + format$bias - 1) * 2^format$mantissa, top)
  not_a_number <- is.nan(x) | is.na(x)
  if (any(not_a_number)) {
    payload <- (high[not_a_number] %% 0x100000L) %/% bitwShiftL(1L, 20L - format$mantissa)
    quiet <- bitwShiftL(1L, format$mantissa - 1L)
    codes[not_a_number] <- top + ifelse(payload == 0L, quiet, payload)
  }
  as.integer(codes + ifelse(negative, 0x8000L, 0L))
}
