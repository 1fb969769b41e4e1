# Which lines of the author's files an error came through.

# A traceback of endless recursion says nothing more after these.
MAX_TRACEBACK <- 50L

#' The lines of files below `folder` on the call stack, innermost last, as "model.R:12 in predict_model". To be called
#' in a calling handler, where the stack still stands.
author_lines <- function(folder, calls = sys.calls(), parents = sys.parents()) {
  lines <- character()
  for (i in seq_along(calls)) {
    place <- place_of(attr(calls[[i]], "srcref"), folder)
    if (is.null(place)) next
    # R calls the handler of its own errors from nowhere: what failed is the function below it on the stack.
    parent <- if (is_call_of(calls[[i]], ".handleSimpleError")) i - 1L else parents[[i]]
    lines <- c(lines, paste(place, "in", function_name(calls, parent)))
  }
  # An error's own machinery stands on the line that the error is on.
  lines <- rle(lines)$values
  lines[seq_along(lines) > length(lines) - MAX_TRACEBACK]
}

place_of <- function(srcref, folder) {
  if (is.null(srcref)) return(NULL)
  file <- attr(srcref, "srcfile")
  name <- file$filename
  if (is.null(name) || !nzchar(name)) return(NULL)
  if (!startsWith(name, "/")) name <- file.path(file$wd %||% folder, name)
  name <- normalizePath(name, mustWork = FALSE)
  if (!startsWith(name, paste0(folder, "/"))) return(NULL)
  paste0(substring(name, nchar(folder) + 2L), ":", srcref[[1L]])
}

function_name <- function(calls, frame) {
  if (frame < 1L) return("<top level>")
  head <- calls[[frame]][[1L]]
  if (is.symbol(head) && !(as.character(head) %in% c("eval", "FUN"))) return(as.character(head))
  if (is_call_of(calls[[frame]], "eval")) "<top level>" else "<anonymous>"
}

is_call_of <- function(call, name) identical(call[[1L]], as.name(name))
