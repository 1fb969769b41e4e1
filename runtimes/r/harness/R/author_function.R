# The author's function: its parameters, and what their defaults say about the signature. A zero-length default, such as
# numeric(), factor(levels = c("a", "b")) or data.frame(age = numeric()), is a prototype: it gives the type of an input
# and no value. Any other default makes its parameter an option of the function.

# Only calls of these are evaluated to see whether they are prototypes: other defaults may do anything.
PROTOTYPES <- c(
  "numeric", "double", "integer", "character", "logical", "factor", "ordered", "matrix", "array", "data.frame",
  "integer64", "as.integer64", "as.POSIXct", ".POSIXct"
)

#' Reads a function's parameters.
#' @return list(call_name, parameters, required, prototypes, takes_any): `required` are the parameters that inputs bind
#'   to, `prototypes` a named list of those that have one, `takes_any` whether there are dots
read_function <- function(name, f) {
  formals <- formals(if (is.primitive(f)) args(f) else f)
  takes_any <- "..." %in% names(formals)
  formals <- formals[setdiff(names(formals), "...")]
  prototypes <- lapply(formals, prototype_of, environment(f) %||% baseenv())
  typed <- !vapply(prototypes, is.null, NA)
  without_default <- vapply(formals, function(default) is.symbol(default) && !nzchar(as.character(default)), NA)
  parameters <- as.character(names(formals))
  required <- parameters[typed | without_default]
  # An option that is alone still has to take what there is.
  if (length(required) == 0L && !takes_any) required <- parameters[seq_len(min(1L, length(parameters)))]
  list(
    name = name, call = f, parameters = parameters, required = required, prototypes = prototypes[typed],
    takes_any = takes_any
  )
}

prototype_of <- function(default, env) {
  if (!is.call(default)) return(NULL)
  head <- default[[1L]]
  if (is.call(head) && identical(head[[1L]], quote(`::`))) head <- head[[3L]]
  if (!is.symbol(head) || !(as.character(head) %in% PROTOTYPES)) return(NULL)
  value <- tryCatch(eval(default, env), error = function(e) NULL)
  if (NROW(value) == 0L && !is.null(value)) value
}

#' Whether BYTES of a parameter are text because the author says so.
is_text_prototype <- function(prototype) is.character(prototype) || is.factor(prototype)
