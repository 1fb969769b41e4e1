# Finding and loading the author's model: libraries, default packages, the file, the function in it.

DEFAULT_FILE <- "model.R"
DEFAULT_SYMBOLS <- c("predict_model", "predict")

# What an author's session has attached. R itself starts without them, so that HELLO goes out early.
DEFAULT_PACKAGES <- c("methods", "datasets", "utils", "grDevices", "graphics", "stats")

#' Makes this process look like an author's R session.
#' @param libraries folders with the model's packages, before the system's own
prepare_session <- function(libraries) {
  .libPaths(c(unlist(libraries), .libPaths()))
  for (package in DEFAULT_PACKAGES) library(package, character.only = TRUE, warn.conflicts = FALSE)
  # Warnings are log lines when they happen: the loop never returns to the prompt that would print them.
  # Source references are what tracebacks are made of.
  options(warn = 1L, keep.source = TRUE)
}

#' Runs the model's file in the global environment, as Rscript does. The working directory is the model's folder.
#' @param entry "file:symbol", "file" or NULL
#' @return list(entry, f): the entry found, and read_function() of the function
load_model <- function(entry) {
  parts <- entry_parts(entry)
  if (!file.exists(parts$file)) {
    found <- list.files(recursive = TRUE)
    failure("ENTRY_NOT_FOUND", paste0(
      "there is no file ", parts$file, " in the model's folder; it has ", some_of(found)
    ))
  }
  eval(parse(parts$file, keep.source = TRUE, encoding = "UTF-8"), globalenv())
  symbols <- if (is.null(parts$symbol)) DEFAULT_SYMBOLS else parts$symbol
  defined <- Filter(function(name) is.function(get(name, globalenv())), ls(globalenv()))
  symbol <- intersect(symbols, defined)
  if (length(symbol) == 0L) {
    failure("ENTRY_NOT_FOUND", paste0(
      parts$file, " defines no function ", paste(symbols, collapse = " or "), "; it defines ", some_of(defined),
      ". Rename one, or write in model.yaml: entry: ", parts$file, ":<function>"
    ))
  }
  f <- read_function(symbol[[1L]], get(symbol[[1L]], globalenv()))
  list(entry = paste0(parts$file, ":", f$name), f = f)
}

entry_parts <- function(entry) {
  if (is.null(entry)) return(list(file = DEFAULT_FILE, symbol = NULL))
  parts <- strsplit(entry, ":", fixed = TRUE)[[1L]]
  list(file = parts[[1L]], symbol = if (length(parts) > 1L) parts[[2L]])
}

some_of <- function(names) {
  if (length(names) == 0L) return("none")
  paste0(paste(utils::head(names, 20L), collapse = ", "), if (length(names) > 20L) ", ...")
}
