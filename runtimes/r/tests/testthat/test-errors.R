# What goes wrong while loading, binding and calling, and how it is told.

x <- list(spec("x", "FP64"))
y <- list(spec("y", "FP64"))

# FAILED of a model that does not load; the process ends with status 1.
load_failure <- function(lines, ..., entry = NULL) {
  host <- start_harness(model_folder(lines, ...))
  frame <- load_model(host, entry = entry)
  expect_identical(frame$type, "FAILED")
  expect_identical(hang_up(host), 1L)
  frame$json
}

test_that("a missing file lists what there is", {
  failed <- load_failure("predict <- function(x) x", helper.R = "", entry = "main.R:predict")
  expect_identical(failed$kind, "ENTRY_NOT_FOUND")
  expect_match(failed$message, "no file main.R in the model's folder; it has helper.R, model.R", fixed = TRUE)
})

test_that("a missing function lists those that there are", {
  failed <- load_failure("score <- function(x) x\nweights <- 1:3")
  expect_identical(failed$kind, "ENTRY_NOT_FOUND")
  expect_match(failed$message, "defines no function predict_model or predict; it defines score. ", fixed = TRUE)
  expect_match(failed$message, "entry: model.R:<function>", fixed = TRUE)
})

test_that("an entry may name another file and function", {
  host <- start_harness(model_folder("", main.R = "score <- function(x) x"))
  expect_identical(load_model(host, entry = "main.R:score")$json$entry, "main.R:score")
  hang_up(host)
})

test_that("a missing package is named", {
  failed <- load_failure("x <- 1\nlibrary(notthere)")
  expect_identical(failed$kind, "MISSING_PACKAGE")
  expect_identical(failed$type, "packageNotFoundError")
  expect_match(failed$message, "notthere")
  expect_identical(failed$traceback, list("model.R:2 in <top level>"))
  expect_identical(load_failure("notthere::f()")$kind, "MISSING_PACKAGE")
})

test_that("text that is no R names its line", {
  failed <- load_failure("predict <- function(x) {\n  x +\n}")
  expect_identical(failed$kind, "LOAD_FAILED")
  expect_match(failed$message, "model.R:3", fixed = TRUE)
})

test_that("tracebacks hold the lines of all of the author's files, and no others", {
  folder <- model_folder(
    "source('lib/helper.R')\n\npredict <- function(x) {\n  y <- sapply(x, check)\n  y\n}"
  )
  dir.create(file.path(folder, "lib"))
  writeLines("check <- function(v) {\n  if (v > 1) {\n    log('a')\n  }\n  v\n}", file.path(folder, "lib", "helper.R"))
  host <- serving(folder, x, y)
  failed <- infer(host, list(tensor(0, "FP64", c(1, 2))))$json
  expect_identical(failed$kind, "MODEL_ERROR")
  expect_identical(failed$type, "simpleError")
  expect_match(failed$message, "non-numeric argument")
  expect_identical(failed$traceback, list("model.R:4 in predict", "lib/helper.R:3 in <anonymous>"))
  hang_up(host)
})

test_that("every kind of condition is an answer, and the harness goes on", {
  host <- serving_model(c(
    "predict <- function(x) switch(x[1],",
    "  stop('gr\\u00f6\\u00dfe'),",
    "  stop(structure(class = c('custom', 'error', 'condition'), list(message = c('two', 'lines'), call = NULL))),",
    "  stop(structure(class = c('broken', 'error', 'condition'), list())),",
    "  { f <- function() f(); f() },",
    "  stop(structure(class = c('odd', 'error', 'condition'), list(message = 'bytes \\xff', call = NULL))),",
    "  numeric(1e10),",
    "  x)"
  ), x, y)
  answers <- lapply(1:6, function(i) infer(host, list(tensor(0, "FP64", as.double(i))))$json)
  kinds <- vapply(answers, function(answer) answer$kind, "")
  expect_identical(kinds, c(rep("MODEL_ERROR", 5L), "OUT_OF_MEMORY"))
  expect_identical(answers[[1L]]$message, "gr\u00f6\u00dfe")
  expect_identical(answers[[2L]][c("type", "message")], list(type = "custom", message = "two\nlines"))
  expect_identical(answers[[3L]]$type, "broken")
  expect_match(answers[[4L]]$message, "infinite recursion|stack")
  expect_lte(length(answers[[4L]]$traceback), 50L)
  expect_identical(answers[[5L]]$message, "bytes <ff>")
  expect_identical(infer(host, list(tensor(0, "FP64", 7)))$type, "RESULT")
  hang_up(host)
})

# The message of FAILED SIGNATURE for a function and a signature that do not fit.
signature_failure <- function(lines, inputs, ...) {
  host <- start_harness(model_folder(lines))
  load_model(host, ...)
  frame <- bind_model(host, inputs, y)
  expect_identical(frame$json$kind, "SIGNATURE")
  expect_identical(hang_up(host), 1L)
  frame$json$message
}

test_that("a signature that does not fit says which line to add", {
  expect_match(
    signature_failure("predict <- function(a, b) a", list(spec("a", "FP64"))),
    "`b` of predict(a, b) has no input. Add to the inputs in model.yaml: - {name: b, datatype: FP64, shape: [-1]}",
    fixed = TRUE
  )
  expect_match(
    signature_failure("predict <- function(a, b) a", list(spec("a", "FP64"), spec("c", "FP64"))),
    "no parameter for the input `c`. Name the inputs in model.yaml as the parameters: inputs: [{name: a,",
    fixed = TRUE
  )
  expect_match(
    signature_failure("predict <- function(df) df", list(spec("a", "FP64", c(-1L, 4L))), content_type = "pd"),
    "`a` has [-1,4]. Write in model.yaml: - {name: a, datatype: FP64, shape: [-1]}",
    fixed = TRUE
  )
  expect_match(signature_failure("predict <- function() 1", x), "predict() takes nothing", fixed = TRUE)
})

test_that("a missing value without `na` names its row", {
  host <- serving_model(
    "predict <- function(df) data.frame(n = c(1L, NA))", list(spec("a", "FP64")), list(spec("n", "INT32")),
    content_type = "pd"
  )
  failed <- infer(host, list(tensor(0, "FP64", c(1, 2))))$json
  expect_identical(failed$kind, "INVALID_OUTPUT")
  expect_match(failed$message, "`n`, row 1: is missing", fixed = TRUE)
  hang_up(host)
})

test_that("text that is no date is the request's error", {
  host <- serving_model(
    "predict <- function(x) as.double(x)", list(spec("x", "BYTES", content_type = "datetime")), y
  )
  failed <- infer(host, list(tensor(0, "BYTES", c("2026-01-02", "2026-02-30"))))$json
  expect_identical(failed$kind, "INVALID_INPUT")
  expect_match(failed$message, "`x`, row 1: \"2026-02-30\" is no ISO 8601 date", fixed = TRUE)
  hang_up(host)
})
