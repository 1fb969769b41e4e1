# The values of one output, cast to its declared type: exactly, or rounded where it is a narrower float.

INTEGER_RANGES <- list(
  BOOL = c(0, 1), UINT8 = c(0, 255), UINT16 = c(0, 65535), UINT32 = c(0, 4294967295),
  INT8 = c(-128, 127), INT16 = c(-32768, 32767), INT32 = c(-2147483648, 2147483647)
)

# An NA of these has bits of its own in R, which are those of a number: in tensors it passes as that number.
PASSES_NA <- c("INT32", "INT64", "UINT64")

#' Prepares the cast to a number type or BOOL.
#' @return function(value, dims): what write_tensors() writes, in row-major order
number_caster <- function(tensor, column) {
  name <- tensor$name
  type <- tensor$datatype
  settle <- missing_settler(tensor, column)
  switch(type,
    FP32 = ,
    FP64 = function(value, dims) {
      to_row_major(if (is.double(value) && !is.object(value)) value else numbers(value, dims, name, type))
    },
    FP16 = function(value, dims) codes_from_doubles(to_row_major(plain_doubles(value, dims, name, type)), FP16),
    BF16 = function(value, dims) codes_from_doubles(to_row_major(plain_doubles(value, dims, name, type)), BF16),
    INT64 = ,
    UINT64 = integer64_caster(tensor, settle),
    INT32 = ,
    UINT32 = function(value, dims) {
      values <- settle(whole_numbers(value, dims, name, type), dims)
      if (is.integer(values)) values else signed_word(values)
    },
    function(value, dims) as.integer(settle(whole_numbers(value, dims, name, type), dims))
  )
}

# Replaces missing values by the signature's `na`, or refuses them.
missing_settler <- function(tensor, column) {
  na <- na_value(tensor)
  passes <- !column && tensor$datatype %in% PASSES_NA
  function(values, dims) {
    if (!anyNA(values)) return(values)
    if (!is.null(na)) {
      values[is.na(values)] <- na
    } else if (!passes) {
      missing_value(tensor$name, first_row(is.na(values), dims))
    }
    values
  }
}

plain_doubles <- function(value, dims, name, type) {
  if (is.double(value) && !is.object(value)) return(value)
  numbers(value, dims, name, type)
}

# Numbers of whatever class as plain integers or doubles with their dimensions.
numbers <- function(value, dims, name, type) {
  if (inherits(value, "integer64")) return(doubles_from_integer64(value, dims, name, type))
  # All-missing vectors are logical in R.
  number <- if (is.logical(value)) all(is.na(value)) else is.numeric(value)
  if (!number) {
    invalid_output(name, paste0("is ", kind_of(value), ", the signature says ", type))
  }
  shape <- dim(value)
  value <- if (is.integer(value) && !startsWith(type, "FP") && type != "BF16") as.vector(value) else as.double(value)
  dim(value) <- shape
  value
}

doubles_from_integer64 <- function(value, dims, name, type) {
  doubles <- suppressWarnings(as.double(value))
  inexact <- first_row(!is.na(doubles) & abs(doubles) > 2^53, dims)
  if (!is.null(inexact)) invalid_output(name, paste("holds an integer64 that has no exact", type), inexact)
  dim(doubles) <- dim(value)
  doubles
}

# Integral numbers in the type's range, in row-major order.
whole_numbers <- function(value, dims, name, type) {
  if (type == "BOOL" && is.logical(value)) return(to_row_major(value))
  value <- to_row_major(numbers(value, dims, name, type))
  if (is.integer(value) && type == "INT32") return(value)
  range <- INTEGER_RANGES[[type]]
  wrong <- first_row(value < range[[1L]] | value > range[[2L]] | value != trunc(value), dims)
  if (!is.null(wrong)) {
    bad <- value[which(value < range[[1L]] | value > range[[2L]] | value != trunc(value))[[1L]]]
    invalid_output(name, paste(format(bad, digits = 15L), "is no", type), wrong)
  }
  value
}

integer64_caster <- function(tensor, settle) {
  name <- tensor$name
  type <- tensor$datatype
  function(value, dims) {
    if (!inherits(value, "integer64")) {
      shape <- dim(value)
      bits <- integer64_from_doubles(as.double(numbers(value, dims, name, type)), type == "UINT64")
      if (is.null(bits)) invalid_output(name, paste("holds a number that is no", type))
      value <- bits
      dim(value) <- shape
    }
    # Row-major order first: bit64's classes do not survive a permutation.
    values <- as_integer64_bits(as.vector(to_row_major(unclass(value))))
    unclass(settle(values, dims))
  }
}

#' Prepares the cast to BYTES.
#' @return function(value, dims): the tensor's raw bytes
bytes_caster <- function(tensor, content_type) {
  name <- tensor$name
  na <- na_value(tensor)
  base64 <- identical(content_type, "base64")
  function(value, dims) {
    if (inherits(value, "POSIXct")) {
      shape <- dim(value)
      value <- text_from_datetimes(value)
      dim(value) <- shape
    }
    if (is.factor(value)) value <- as.character(value)
    if (is.logical(value) && all(is.na(value))) storage.mode(value) <- "character"
    value <- to_row_major(value)
    if (is.list(value)) value <- lapply(value, element_of_list, name, dims)
    missing <- if (is.list(value)) vapply(value, is.null, NA) else is.na(value)
    if (any(missing) && is.null(na)) missing_value(name, first_row(missing, dims))
    if (is.character(value)) {
      value[missing] <- na
      return(join_texts(if (base64) base64_of(lapply(enc2utf8(value), charToRaw), missing, na) else value))
    }
    if (!is.list(value)) invalid_output(name, paste0("is ", kind_of(value), ", the signature says BYTES"))
    value[missing] <- list(if (is.null(na)) raw() else charToRaw(na))
    if (base64) join_texts(base64_of(value, missing, na)) else join_elements(value)
  }
}

base64_of <- function(elements, missing, na) {
  texts <- vapply(elements, function(element) gsub("\n", "", jsonlite::base64_enc(element), fixed = TRUE), "")
  texts[missing] <- na
  texts
}

# An element of a list as raw bytes, NULL where it is missing.
element_of_list <- function(element, name, dims) {
  if (is.raw(element) || is.null(element)) return(element)
  if (length(element) == 1L && is.na(element)) return(NULL)
  if (is.character(element) && length(element) == 1L) return(charToRaw(enc2utf8(element)))
  invalid_output(name, paste0("is a list with ", kind_of(element), " in it, the signature says BYTES"))
}
