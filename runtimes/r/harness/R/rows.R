# The convention `row`: the function is called once per row, and a row that fails takes only its own segment with it.

#' Prepares the calls of one frame's rows.
#' @param call of bind_call()
#' @param encode of compile_outputs()
#' @param outputs tensors of BIND
#' @param folder the model's, for tracebacks
#' @return function(values, segments): list(tensors, segments, errors). A segment that failed has 0 rows, none of them
#'   in `tensors`, and an entry in `errors`.
row_caller <- function(call, encode, outputs, folder) {
  as_row <- row_shaper(outputs)
  function(values, segments) {
    rows <- lapply(values, as_scalars)
    first <- cumsum(segments) - segments
    answers <- vector("list", sum(segments))
    errors <- list()
    segment <- 1L
    row <- 0L
    repeat {
      # The handlers stand around all rows: they are set up once, and again only after a failure.
      failed <- attempt(folder = folder, kind = "MODEL_ERROR", code = {
        while (segment <= length(segments)) {
          while (row < segments[[segment]]) {
            at <- first[[segment]] + row + 1
            answers[[at]] <- encode(as_row(call(lapply(rows, .subset2, at), 1L)), 1)
            row <- row + 1L
          }
          segment <- segment + 1L
          row <- 0L
        }
      })
      if (is.null(failed)) break
      errors[[length(errors) + 1L]] <- error_body(failed, segment - 1L, row)
      answers[first[[segment]] + seq_len(segments[[segment]])] <- list(NULL)
      segments[[segment]] <- 0L
      segment <- segment + 1L
      row <- 0L
    }
    answers <- answers[lengths(answers) > 0L]
    tensors <- lapply(seq_along(outputs), function(i) joined_rows(lapply(answers, .subset2, i), i - 1L, outputs[[i]]))
    list(tensors = tensors, segments = segments, errors = errors)
  }
}

# A column's values one by one, each of the column's class.
as_scalars <- function(column) {
  if (is.object(column)) lapply(seq_along(column), function(i) column[[i]]) else as.list(column)
}

# A vector that a function of one row returns for an output of rank 2 is that row.
row_shaper <- function(outputs) {
  names <- vapply(outputs, function(output) output$name, "")
  wide <- names[vapply(outputs, function(output) length(output$shape) == 2L, NA)]
  shaped <- function(value) {
    if (is.null(dim(value)) && length(value) > 0L) dim(value) <- c(1L, length(value))
    value
  }
  function(result) {
    if (length(wide) == 0L) return(result)
    if (!is.list(result) || is.null(base::names(result))) return(shaped(result))
    for (name in intersect(wide, base::names(result))) result[[name]] <- shaped(result[[name]])
    result
  }
}

# Tensors of one row each, in wire form, as one tensor.
joined_rows <- function(tensors, index, output) {
  datatype <- DATATYPES[[output$datatype]]
  if (length(tensors) == 0L) {
    return(wire_tensor(index, datatype, c(0L, pmax(as.integer(unlist(output$shape))[-1L], 0L)), raw(), 1L))
  }
  one <- tensors[[1L]]
  data <- unlist(lapply(tensors, function(tensor) as.vector(tensor$data)))
  # Words 1 to 5 describe the tensor, then come its dimensions, of which the first are the rows.
  wire_tensor(index, datatype, c(length(tensors), one$words[-(1:6)]), data, one$size)
}
