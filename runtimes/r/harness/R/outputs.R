# Output tensors: from what the function returned to wire values. All that depends on the signature is settled at BIND.

#' Prepares the outputs.
#' @param tensors list of list(name, datatype, shape, content_type, na) of BIND
#' @param column whether values are columns (frames and rows)
#' @param content_type the model's
#' @return function(result, rows): the tensors for write_tensors(). `rows` is how many rows there must be, -1 for any.
compile_outputs <- function(tensors, column, content_type = NULL) {
  names <- vapply(tensors, function(tensor) tensor$name, "")
  encoders <- lapply(seq_along(tensors), function(i) compile_output(i - 1L, tensors[[i]], column, content_type))
  function(result, rows) {
    if (is.list(result) && !is.null(names(result))) {
      absent <- setdiff(names, names(result))
      if (length(absent) > 0L) {
        invalid_output(absent[[1L]], paste("is missing; the function returned", paste(names(result), collapse = ", ")))
      }
      return(lapply(seq_along(encoders), function(i) encoders[[i]](result[[names[[i]]]], rows)))
    }
    if (length(encoders) == 1L) return(list(encoders[[1L]](result, rows)))
    if (length(encoders) == 0L) return(list())
    wanted <- paste0("list(", paste(names, "= ...", collapse = ", "), ")")
    failure("INVALID_OUTPUT", paste0("the function must return ", wanted, ", it returned ", kind_of(result)))
  }
}

#' Prepares one output.
#' @return function(value, rows): a tensor for write_tensors()
compile_output <- function(index, tensor, column, content_type = NULL) {
  type <- tensor$datatype
  code <- DATATYPES[[type]]
  is_bytes <- type == "BYTES"
  # BYTES are joined already: they go out byte by byte.
  size <- if (is_bytes) 1L else ELEMENT_BYTES[[code]]
  fit <- shape_fitter(tensor$name, as.integer(unlist(tensor$shape)))
  cast <- if (is_bytes) bytes_caster(tensor, tensor$content_type %||% content_type) else number_caster(tensor, column)
  function(value, rows) {
    if (is_bytes && is.raw(value)) value <- list(value)
    dims <- fit(value, rows)
    wire_tensor(index, code, dims, cast(value, dims), size)
  }
}

#' Checks a value's shape against the declared one; [n] and [n,1] stand for each other.
#' @return function(value, rows): the dimensions to send
shape_fitter <- function(name, declared) {
  rank <- length(declared)
  fixed <- which(declared >= 0L)
  function(value, rows) {
    dims <- dim(value)
    if (is.null(dims)) dims <- length(value)
    if (length(dims) != rank) dims <- dims_of_rank(dims, declared) %||% wrong_shape(name, value, dims, declared)
    if (any(dims[fixed] != declared[fixed])) wrong_shape(name, value, dims, declared)
    if (rows >= 0 && (rank == 0L || dims[[1L]] != rows)) {
      invalid_output(name, paste0("has shape ", shape_text(dims), ", and the call has ", rows, " rows"))
    }
    dims
  }
}

# A shape of another rank that stands for one of the declared rank; NULL if it does not. Rank 0 is one element.
dims_of_rank <- function(dims, declared) {
  rank <- length(declared)
  given <- length(dims)
  if (rank == 0L && given == 1L && dims == 1L) return(integer())
  if (rank == 2L && given == 1L && declared[[2L]] %in% c(-1L, 1L)) return(c(dims, 1L))
  if (rank == 1L && given == 2L && dims[[2L]] == 1L) return(dims[[1L]])
  NULL
}

wrong_shape <- function(name, value, dims, declared) {
  given <- if (is.null(value)) "NULL" else paste(kind_of(value), "of shape", shape_text(dims))
  invalid_output(name, paste0("is ", given, ", the signature says ", shape_text(declared)))
}

#' What a value is, in a few words of R.
kind_of <- function(value) if (is.object(value)) class(value)[[1L]] else typeof(value)

#' The values of an array in row-major order.
to_row_major <- function(x) {
  dims <- dim(x)
  rank <- length(dims)
  if (rank < 2L) return(x)
  if (rank > 2L) return(aperm(x, rank:1))
  if (dims[[1L]] == 1L || dims[[2L]] == 1L) x else t.default(x)
}

#' The 0-based row of the first TRUE in a flag per value in row-major order; NULL if there is none.
first_row <- function(flags, dims) {
  at <- which(flags)
  if (length(at) > 0L) as.integer((at[[1L]] - 1) %/% max(prod(dims[-1L]), 1))
}

missing_value <- function(name, row) {
  invalid_output(name, "is missing, and the signature gives no `na` for it", row)
}
