# A model bound to its signature: what happens between the body of an INFER and that of its RESULT.

#' Prepares everything that depends on the signature.
#' @param f of read_function()
#' @param convention of choose_convention()
#' @param bind,init the bodies of BIND and INIT
#' @param folder the model's
#' @return list(read, values_of, answer): `read(con, length)` reads the body of an INFER; `values_of(body)` are the
#'   inputs' R values in the signature's order; `answer(values, layout)` calls the model and returns list(segments,
#'   tensors, json) for write_tensors()
bind_model <- function(f, convention, bind, init, folder) {
  column <- has_columns(convention, init)
  inputs <- lapply(bind$inputs, function(input) {
    # Where one input meets one parameter, their names may differ.
    prototype <- f$prototypes[[if (length(bind$inputs) == 1L && length(f$required) == 1L) f$required else input$name]]
    if (is.data.frame(prototype)) prototype <- prototype[[input$name]]
    compile_input(input, column, is_text_prototype(prototype), init$content_type)
  })
  encode <- compile_outputs(bind$outputs, column, init$content_type)
  call <- bind_call(f, convention, bind$inputs)
  list(
    read = tensor_reader(input_binder(inputs)),
    values_of = input_converter(length(inputs)),
    answer = if (convention == "row") {
      answer_rows(row_caller(call, encode, bind$outputs, folder))
    } else {
      answer_batch(call, encode, same_length = convention == "frame")
    }
  )
}

# Gives each tensor of a layout its input's `read` and `convert`, and its place among the inputs.
input_binder <- function(inputs) {
  force(inputs)
  function(layout) {
    index <- vapply(layout$tensors, function(tensor) tensor$index, 0L)
    if (length(index) != length(inputs) || anyDuplicated(index) > 0L || any(index >= length(inputs))) {
      violation("INFER must carry each input once")
    }
    for (k in seq_along(index)) {
      input <- inputs[[index[[k]] + 1L]]
      if (input$datatype != layout$tensors[[k]]$datatype) violation("INFER has a data type that is not the signature's")
      bound <- list(at = index[[k]] + 1L, read = input$read, convert = input$convert)
      layout$tensors[[k]] <- c(bound, layout$tensors[[k]])
    }
    layout
  }
}

input_converter <- function(count) {
  force(count)
  function(body) {
    values <- vector("list", count)
    tensors <- body$layout$tensors
    for (k in seq_len(count)) {
      tensor <- tensors[[k]]
      values[[tensor$at]] <- tensor$convert(body$data[[k]], tensor$dims, tensor$content_type)
    }
    values
  }
}

answer_batch <- function(call, encode, same_length) {
  force(call)
  force(encode)
  force(same_length)
  function(values, layout) {
    rows <- layout$rows
    result <- call(values, if (same_length) row_count(values, rows))
    list(segments = layout$segments, tensors = encode(result, rows), json = NULL)
  }
}

answer_rows <- function(call_rows) {
  force(call_rows)
  function(values, layout) {
    counted <- layout$rows >= 0
    # What is not counted is one request all the same.
    answer <- call_rows(values, if (counted) layout$segments else row_count(values, -1))
    list(
      segments = if (counted) answer$segments else layout$segments,
      tensors = answer$tensors,
      json = if (length(answer$errors) > 0L) json_text(list(errors = answer$errors))
    )
  }
}

# The rows that the inputs have in common.
row_count <- function(values, rows) {
  if (rows >= 0) return(as.integer(rows))
  counts <- unique(lengths(values))
  if (length(counts) > 1L) {
    failure("INVALID_INPUT", paste("the columns have different lengths:", paste(lengths(values), collapse = ", ")))
  }
  if (length(counts) == 0L) 0L else counts
}
