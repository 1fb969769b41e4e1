# How the function is called (PROTOCOL.md, section 7): the convention, the binding of inputs to parameters, and the call
# itself, prepared once.

# What authors call a data frame.
FRAME_NAMES <- c("df", "data", "newdata", "x_df", "frame")

#' Chooses the convention.
#' @param f of read_function()
#' @param inputs tensors of BIND
#' @param init the body of INIT
#' @return "row", "frame", "tensor" or "named"
choose_convention <- function(f, inputs, init) {
  if (identical(init$per, "row")) return("row")
  is_frame <- identical(init$content_type, "pd")
  names <- vapply(inputs, function(input) input$name, "")
  if (length(f$required) > 1L || length(f$required) == 0L) return("named")
  prototype <- f$prototypes[[f$required]]
  if (!is.null(prototype)) is_frame <- is_frame || is.data.frame(prototype)
  if (is_frame) return("frame")
  # f(x, scale = 1) with the inputs x and scale: the option is an input too.
  if (length(inputs) != 1L) return(if (all(names %in% f$parameters)) "named" else "frame")
  if (f$required %in% FRAME_NAMES && is_column(inputs[[1L]])) "frame" else "tensor"
}

is_column <- function(input) {
  shape <- as.integer(unlist(input$shape))
  length(shape) == 1L || (length(shape) == 2L && shape[[2L]] %in% c(1L, -1L))
}

#' Whether the convention's values are columns.
has_columns <- function(convention, init) convention %in% c("row", "frame") || identical(init$content_type, "pd")

#' Prepares the call. Fails with SIGNATURE where the function cannot be called with these inputs.
#' @return function(values, rows): calls the function with the inputs' values, in the signature's order; `rows` counts
#'   the rows of a frame
bind_call <- function(f, convention, inputs) {
  names <- vapply(inputs, function(input) input$name, "")
  if (convention %in% c("row", "frame")) check_columns(inputs)
  parameters <- parameters_of(f, convention, names)
  call <- as.call(c(as.name(f$name), parameters))
  enclosure <- globalenv()
  switch(convention,
    tensor = {
      variable <- as.character(parameters[[1L]])
      function(values, rows) {
        names(values) <- variable
        .Internal(eval(call, values, enclosure))
      }
    },
    frame = {
      variable <- as.character(parameters[[1L]])
      function(values, rows) {
        attributes(values) <- list(names = names, class = "data.frame", row.names = .set_row_names(rows))
        values <- list(values)
        names(values) <- variable
        .Internal(eval(call, values, enclosure))
      }
    },
    function(values, rows) {
      names(values) <- names
      .Internal(eval(call, values, enclosure))
    }
  )
}

# The arguments of the call: symbols by parameter. Symbols rather than values keep what match.call() and sys.calls() see
# small and readable.
parameters_of <- function(f, convention, names) {
  only_one <- length(names) == 1L && length(f$required) == 1L
  if (convention %in% c("tensor", "frame") || (convention == "row" && only_one)) {
    if (length(f$required) == 0L) return(list(quote(x)))
    # A row's only value keeps the input's name, as the call is evaluated among the inputs.
    variable <- if (convention == "row") names else f$required
    return(structure(list(as.name(variable)), names = f$required))
  }
  shown <- paste0(f$name, "(", paste(f$parameters, collapse = ", "), ")")
  unknown <- if (f$takes_any) character() else setdiff(names, f$parameters)
  if (length(unknown) > 0L && length(f$parameters) == 0L) {
    failure("SIGNATURE", paste0(
      shown, " takes nothing. Give it a parameter for each input, or write in model.yaml: inputs: []"
    ))
  }
  if (length(unknown) > 0L) {
    failure("SIGNATURE", paste0(
      shown, " has no parameter for the input `", unknown[[1L]], "`. Name the inputs in model.yaml as the parameters: ",
      "inputs: [", paste0("{name: ", f$parameters, ", datatype: FP64, shape: [-1]}", collapse = ", "), "]",
      if (convention == "named") ", or write `content_type: pd` and a function of one data frame"
    ))
  }
  unbound <- setdiff(f$required, names)
  if (length(unbound) > 0L) {
    failure("SIGNATURE", paste0(
      "the parameter `", unbound[[1L]], "` of ", shown, " has no input. Add to the inputs in model.yaml: ",
      "- {name: ", unbound[[1L]], ", datatype: FP64, shape: [-1]}"
    ))
  }
  structure(lapply(names, as.name), names = names)
}

check_columns <- function(inputs) {
  for (input in inputs) {
    if (!is_column(input)) {
      failure("SIGNATURE", paste0(
        "a column has shape [-1], and `", input$name, "` has ", shape_text(unlist(input$shape)),
        ". Write in model.yaml: - {name: ", input$name, ", datatype: ", input$datatype, ", shape: [-1]}"
      ))
    }
  }
}
