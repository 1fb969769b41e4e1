# A model bound to its signature: what happens between the body of an INFER and that of its RESULT.

#' Prepares everything that depends on the signature.
#' @param f of read_function()
#' @param convention of choose_convention()
#' @param bind,init the bodies of BIND and INIT
#' @param folder the model's
#' @return list(take, values_of, answer): `take` for read_tensors(); `values_of(body)` the inputs' R values in the
#'   signature's order; `answer(values, body)` calls the model: list(segments, tensors, json) for write_tensors()
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
    take = input_reader(inputs),
    values_of = input_converter(inputs),
    answer = if (convention == "row") {
      answer_rows(row_caller(call, encode, bind$outputs, folder))
    } else {
      answer_batch(call, encode, same_length = convention == "frame")
    }
  )
}

input_reader <- function(inputs) {
  force(inputs)
  function(con, index, datatype, elements, bytes) {
    if (index >= length(inputs)) violation("INFER has a tensor that the signature does not know")
    input <- inputs[[index + 1]]
    if (input$datatype != datatype) violation("INFER has a tensor of another data type than the signature")
    input$read(con, elements, bytes)
  }
}

input_converter <- function(inputs) {
  count <- length(inputs)
  function(body) {
    index <- body$index
    if (length(index) != count || anyDuplicated(index) > 0L) violation("INFER must carry each input once")
    values <- vector("list", count)
    for (k in seq_len(count)) {
      at <- index[[k]] + 1
      values[[at]] <- inputs[[at]]$convert(body$data[[k]], body$dims[[k]], body$content_type[[k]])
    }
    values
  }
}

answer_batch <- function(call, encode, same_length) {
  force(call)
  force(encode)
  force(same_length)
  function(values, body) {
    rows <- body$rows
    result <- call(values, if (same_length) row_count(values, rows))
    list(segments = body$segments, tensors = encode(result, rows), json = NULL)
  }
}

answer_rows <- function(call_rows) {
  force(call_rows)
  function(values, body) {
    counted <- body$rows >= 0
    # What is not counted is one request all the same.
    answer <- call_rows(values, if (counted) body$segments else row_count(values, -1))
    list(
      segments = if (counted) answer$segments else body$segments,
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
