# What can go wrong, as R conditions: a failure of one of the protocol's kinds, a violation, the stream's end.

raise <- function(class, message, ...) {
  stop(structure(class = c(class, "condition"), list(message = message, call = NULL, ...)))
}

#' Raises a failure of PROTOCOL.md, section 6, that the harness itself found.
failure <- function(kind, message) {
  raise(c("idiom_failure", "error"), message, kind = kind, type = NULL, traceback = character())
}

#' A value of an input that the model cannot take.
#' @param name the tensor's
#' @param row 0-based row of the value, or NULL
invalid_input <- function(name, message, row = NULL) {
  failure("INVALID_INPUT", paste0(about(name, row), message))
}

#' A value of an output that does not fit the signature.
invalid_output <- function(name, message, row = NULL) {
  failure("INVALID_OUTPUT", paste0(about(name, row), message))
}

about <- function(name, row) {
  paste0("`", name, "`", if (!is.null(row)) paste0(", row ", row), ": ")
}

#' The peer broke the protocol: the stream cannot be trusted any more. No `error`, as nothing may catch it on the way.
violation <- function(message) raise("idiom_violation", message)

#' The host is gone. No `error` either.
end_of_file <- function() raise("idiom_end_of_file", "end of file")

#' Evaluates code that may be the author's.
#' @param code evaluated here, once
#' @param folder the model's, for the traceback
#' @param kind what an R error amounts to, unless it says more itself
#' @return NULL, or what went wrong: list(kind, type, message, traceback)
attempt <- function(code, folder, kind) {
  traceback <- character()
  tryCatch(
    withCallingHandlers(
      {
        code
        NULL
      },
      error = function(e) traceback <<- author_lines(folder)
    ),
    idiom_failure = function(e) unclass(e),
    error = function(e) failure_of(e, kind, traceback)
  )
}

#' The JSON body of FAILED.
failed_body <- function(failed) {
  list(kind = failed$kind, type = failed$type, message = failed$message, traceback = as.list(failed$traceback))
}

#' The JSON body of ERROR, or an entry of RESULT's `errors`.
error_body <- function(failed, segment = NULL, row = NULL) {
  c(failed_body(failed), list(segment = segment, row = row))
}

OUT_OF_MEMORY <- "^(cannot allocate (vector|memory|buffer)|vector memory exhausted|memory exhausted|could not allocate)"
NO_PACKAGE <- "there is no package called .([A-Za-z0-9.]+)."

failure_of <- function(condition, kind, traceback) {
  message <- plain_text(tryCatch(conditionMessage(condition), error = function(e) ""))
  if (grepl(OUT_OF_MEMORY, message)) kind <- "OUT_OF_MEMORY"
  # A package may also be missing below one that is there; then only the text says so.
  if (kind == "LOAD_FAILED" && grepl(NO_PACKAGE, message)) kind <- "MISSING_PACKAGE"
  list(kind = kind, type = class(condition)[[1L]], message = message, traceback = traceback)
}

# Text from the author's code may be of any length, encoding and number of strings; JSON takes one in UTF-8.
plain_text <- function(text) {
  text <- paste(enc2utf8(as.character(text)), collapse = "\n")
  if (validUTF8(text)) text else iconv(text, "UTF-8", "UTF-8", sub = "byte")
}
