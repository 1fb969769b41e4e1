# What the code and the model say of the signature themselves: the `hints` and `artifact` of LOADED.

# The name of a single result, which has none in the code.
SINGLE_OUTPUT <- "output"

#' Hints from typed defaults; NULL where the author wrote none.
#' @param f of read_function()
#' @return list(inputs, outputs)
hints_of <- function(f) {
  typed <- intersect(f$required, names(f$prototypes))
  if (length(typed) == 0L) return(list(inputs = NULL, outputs = NULL))
  table <- f$prototypes[[typed[[1L]]]]
  inputs <- if (length(f$required) == 1L && is.data.frame(table)) {
    lapply(names(table), function(name) tensor_hint(name, table[[name]]))
  } else {
    lapply(f$required, function(name) tensor_hint(name, f$prototypes[[name]]))
  }
  list(inputs = inputs, outputs = if (length(typed) == length(f$required)) output_hints(f))
}

# R has no place to write the type of a result. But prototypes are a call of no rows, and what the function answers to
# that has the types of any other answer. A function that cannot take zero rows gives no hint.
output_hints <- function(f) {
  call <- as.call(c(as.name(f$name), lapply(f$prototypes[f$required], function(prototype) prototype)))
  result <- tryCatch(suppressWarnings(eval(call, globalenv())), error = function(e) NULL)
  if (is.null(result)) return(NULL)
  if (!is.list(result) || is.null(names(result))) {
    hint <- tensor_hint(SINGLE_OUTPUT, result)
    return(if (!is.null(hint$datatype)) list(hint))
  }
  lapply(names(result), function(name) tensor_hint(name, result[[name]]))
}

#' The Tensor of PROTOCOL.md that a value of no rows stands for.
tensor_hint <- function(name, prototype = NULL) {
  hint <- list(name = name, datatype = NULL, shape = NULL, content_type = NULL, na = NULL, levels = NULL)
  datatype <- datatype_of(prototype)
  if (is.null(datatype)) return(hint)
  dims <- dim(prototype)
  if (is.null(dims)) dims <- length(prototype)
  hint$datatype <- datatype
  hint$shape <- as.list(ifelse(dims == 0L, -1L, dims))
  if (inherits(prototype, "POSIXct")) hint$content_type <- "datetime"
  if (is.factor(prototype)) hint["levels"] <- list(as.list(levels(prototype)))
  hint
}

datatype_of <- function(x) {
  if (inherits(x, "integer64")) return("INT64")
  if (is.factor(x) || inherits(x, "POSIXct")) return("BYTES")
  switch(typeof(x), double = "FP64", integer = "INT32", logical = "BOOL", character = "BYTES")
}

#' The names that the one fitted model at the top level knows its inputs by, from its formula; NULL if there is none.
artifact_of <- function(env = globalenv()) {
  found <- unique(Filter(length, lapply(mget(ls(env), env), predictor_names)))
  if (length(found) != 1L) return(NULL)
  list(inputs = lapply(found[[1L]], tensor_hint), outputs = NULL)
}

predictor_names <- function(model) {
  if (!is.list(model) || is.data.frame(model) || !inherits(.subset2(model, "terms"), "terms")) return(NULL)
  all.vars(stats::delete.response(.subset2(model, "terms")))
}
