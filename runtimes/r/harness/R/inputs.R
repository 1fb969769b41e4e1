# Input tensors: from wire to R values (PROTOCOL.md, "Values"). All that depends on the signature is settled at BIND;
# reading (which takes the bytes off the stream) and converting (which may refuse a value) are apart, so that a refused
# value leaves the stream in order.

#' Prepares one input.
#' @param tensor list(name, datatype, content_type, na, levels) of BIND
#' @param column whether values are columns (frames and rows), where BYTES are text and shapes are [n]
#' @param text whether BYTES are text because the author's own types say so
#' @param content_type the model's
#' @return list(datatype, read, convert): `read(con, elements, bytes)` takes the bytes off the stream,
#'   `convert(data, dims, content_type)` makes them R values
compile_input <- function(tensor, column, text = FALSE, content_type = NULL) {
  type <- tensor$datatype
  shape <- if (column) column_shape(tensor$name) else from_row_major
  convert <- if (type == "BYTES") {
    bytes_converter(tensor, column || text, tensor$content_type %||% content_type, shape)
  } else {
    number_converter(tensor, shape)
  }
  list(datatype = DATATYPES[[type]], read = READERS[[type]], convert = convert)
}

`%||%` <- function(x, default) if (is.null(x)) default else x

READERS <- list(
  BOOL = function(con, elements, bytes) as.logical(read_exactly(con, "raw", elements, 1L)),
  UINT8 = reader("integer", 1L, signed = FALSE),
  UINT16 = reader("integer", 2L, signed = FALSE),
  UINT32 = function(con, elements, bytes) {
    halves <- read_exactly(con, "integer", 2 * elements, 2L, FALSE)
    high <- 2 * seq_len(elements)
    halves[high - 1] + 65536 * halves[high]
  },
  UINT64 = reader("double", 8L),
  INT8 = reader("integer", 1L),
  INT16 = reader("integer", 2L),
  INT32 = reader("integer", 4L),
  INT64 = reader("double", 8L),
  FP16 = function(con, elements, bytes) doubles_from_codes(read_exactly(con, "integer", elements, 2L, FALSE), FP16),
  FP32 = reader("double", 4L),
  FP64 = reader("double", 8L),
  BYTES = function(con, elements, bytes) read_exactly(con, "raw", bytes, 1L),
  BF16 = function(con, elements, bytes) doubles_from_codes(read_exactly(con, "integer", elements, 2L, FALSE), BF16)
)

FLOATS <- c("FP16", "BF16", "FP32", "FP64")

is_64_bit_integer <- function(type) type %in% c("INT64", "UINT64")

#' The signature's `na` as a value of the tensor's type; NULL where there is none. A float's missing value is NaN.
na_value <- function(tensor) {
  type <- tensor$datatype
  if (is.null(tensor$na) || type %in% FLOATS) return(NULL)
  if (type == "BYTES") return(as.character(tensor$na))
  if (is_64_bit_integer(type)) return(integer64_from_number(tensor$na))
  as.double(tensor$na)
}

number_converter <- function(tensor, shape) {
  na <- na_value(tensor)
  mark <- function(values) {
    # Where `na` is R's own NA already, the comparison is NA and there is nothing to do.
    values[which(values == na)] <- NA
    values
  }
  if (is_64_bit_integer(tensor$datatype)) {
    return(function(data, dims, content_type) {
      data <- as_integer64_bits(data)
      if (!is.null(na)) data[which(data == na)] <- bit64::NA_integer64_
      as_integer64_bits(shape(unclass(data), dims))
    })
  }
  if (is.null(na)) {
    function(data, dims, content_type) shape(data, dims)
  } else {
    function(data, dims, content_type) shape(mark(data), dims)
  }
}

# Content types that a request may name for itself, by code; the others say nothing about elements.
REQUEST_CONTENT <- list(NULL, NULL, "str", "base64", "datetime")

bytes_converter <- function(tensor, text, content_type, shape) {
  na <- na_value(tensor)
  usual <- if (!is.null(content_type) && content_type %in% c("str", "base64", "datetime")) {
    content_type
  } else if (text || !is.null(tensor$levels)) {
    "str"
  } else {
    "raw"
  }
  force(shape)
  function(data, dims, content_type) {
    content <- (if (content_type > 0) REQUEST_CONTENT[[content_type]]) %||% usual
    count <- prod(dims)
    values <- if (content == "raw") raw_elements(data, count, na) else known_texts(data, count, tensor$name, na)
    values <- switch(content,
      raw = values,
      str = as_levels(values, tensor),
      base64 = lapply(seq_along(values), function(i) bytes_of_base64(values[[i]], tensor$name, i - 1L)),
      datetime = datetimes_from_text(values, tensor$name)
    )
    kept <- attributes(values)
    values <- shape(as.vector(unclass(values)), dims)
    attributes(values) <- c(attributes(values), kept)
    values
  }
}

raw_elements <- function(data, count, na) {
  values <- split_elements(data, count)
  if (!is.null(na)) values[vapply(values, identical, NA, charToRaw(na))] <- NA
  values
}

known_texts <- function(data, count, name, na) {
  values <- split_texts(data, count, name)
  if (!is.null(na)) values[values == na] <- NA
  values
}

as_levels <- function(values, tensor) {
  levels <- unlist(tensor$levels)
  if (is.null(levels)) return(values)
  codes <- match(values, levels)
  unseen <- which(is.na(codes) & !is.na(values))
  if (length(unseen) > 0L) {
    message <- paste0("\"", values[[unseen[[1L]]]], "\" is none of its levels: ", paste(levels, collapse = ", "))
    invalid_input(tensor$name, message, unseen[[1L]] - 1L)
  }
  structure(codes, levels = levels, class = "factor")
}

bytes_of_base64 <- function(text, name, row) {
  if (is.na(text)) return(NA)
  # Patterns cannot match megabytes of text at once; what is left after the alphabet must be nothing.
  padding <- gsub("[A-Za-z0-9+/]+", "", text)
  if (nchar(text) %% 4L != 0L || !(padding %in% c("", "=", "==")) || !endsWith(text, padding)) {
    invalid_input(name, "is no base64", row)
  }
  jsonlite::base64_dec(text)
}

#' An R array out of values in row-major order. Vectors stay vectors.
from_row_major <- function(x, dims) {
  rank <- length(dims)
  if (rank < 2L) return(x)
  if (rank > 2L) {
    dim(x) <- rev(dims)
    return(aperm(x))
  }
  if (dims[[1L]] == 1L || dims[[2L]] == 1L) {
    dim(x) <- dims
    return(x)
  }
  matrix(x, dims[[1L]], dims[[2L]], TRUE)
}

column_shape <- function(name) {
  force(name)
  function(x, dims) {
    rank <- length(dims)
    if (rank == 0L || rank > 2L || (rank == 2L && dims[[2L]] != 1L)) {
      invalid_input(name, paste0("a column has shape [n] or [n,1], not ", shape_text(dims)))
    }
    x
  }
}

shape_text <- function(dims) paste0("[", paste(dims, collapse = ","), "]")
