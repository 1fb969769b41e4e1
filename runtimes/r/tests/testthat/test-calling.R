# Conventions, hints and the shapes of answers, in this process.

# The convention for a function and inputs.
convention <- function(f, inputs, ...) {
  harness$choose_convention(harness$read_function("f", f), inputs, list(...))
}

a <- spec("a", "FP64")
b <- spec("b", "BYTES")
wide <- spec("x", "FP32", c(-1L, 4L))

test_that("the convention follows the parameters, the inputs and the content type", {
  expect_identical(convention(function(x) x, list(wide)), "tensor")
  expect_identical(convention(function(x) x, list(a)), "tensor")
  expect_identical(convention(function(df) df, list(a)), "frame")
  expect_identical(convention(function(newdata) newdata, list(a)), "frame")
  expect_identical(convention(function(data) data, list(wide)), "tensor")
  expect_identical(convention(function(x) x, list(a, b)), "frame")
  expect_identical(convention(function(x) x, list(a), content_type = "pd"), "frame")
  expect_identical(convention(function(x = data.frame(a = numeric())) x, list(a)), "frame")
  expect_identical(convention(function(a, b) a, list(a, b)), "named")
  expect_identical(convention(function(...) list(...), list(a, b)), "named")
  expect_identical(convention(function(x, digits = 2) x, list(wide)), "tensor")
  expect_identical(convention(function(a, b = "basic") a, list(a, b)), "named")
  expect_identical(convention(function(a, b) a, list(a, b), per = "row"), "row")
})

# What the function gets for two rows of `inputs`: its arguments as it sees them.
seen <- function(f, inputs, values, ...) {
  assign("f", f, globalenv())
  on.exit(rm("f", envir = globalenv()))
  described <- harness$read_function("f", f)
  harness$bind_call(described, convention(f, inputs, ...), inputs)(values, 2L)
}

test_that("values are bound by name, or to the only parameter", {
  values <- list(c(1, 2), c("x", "y"))
  expect_identical(seen(function(b, a) list(a, b), list(a, b), values), values)
  expect_identical(seen(function(...) list(...), list(a, b), values), structure(values, names = c("a", "b")))
  expect_identical(seen(function(x, k = 3) x * k, list(a), values[1L]), c(3, 6))
  expect_identical(seen(function(df) df, list(a, b), values), data.frame(a = c(1, 2), b = c("x", "y")))
  expect_identical(seen(function(v) v, list(a), values[1L], per = "row"), c(1, 2))
  expect_identical(seen(function(x) sys.call(), list(a), values[1L]), quote(f(x = x)))
})

hints <- function(f) {
  assign("f", f, globalenv())
  on.exit(rm("f", envir = globalenv()))
  harness$hints_of(harness$read_function("f", f))
}

test_that("typed defaults are hints, other defaults and bare parameters are not", {
  expect_identical(hints(function(x) x), list(inputs = NULL, outputs = NULL))
  expect_identical(hints(function(x, k = 2, n = numeric(3)) x), list(inputs = NULL, outputs = NULL))
  typed <- hints(function(age = numeric(), n = integer(), ok = logical(), when = as.POSIXct(character()), k = 1) {
    list(n = n * 2L, label = character(length(n)))
  })
  expect_identical(typed$inputs, list(
    spec("age", "FP64"), spec("n", "INT32"), spec("ok", "BOOL"), spec("when", "BYTES", content_type = "datetime")
  ))
  expect_identical(typed$outputs, list(spec("n", "INT32"), spec("label", "BYTES")))
  matrix_hints <- hints(function(m = matrix(numeric(), ncol = 4)) m[, 1:2, drop = FALSE])
  expect_identical(matrix_hints$inputs, list(spec("m", "FP64", c(-1L, 4L))))
  expect_identical(matrix_hints$outputs, list(spec("output", "FP64", c(-1L, 2L))))
})

test_that("a data frame as default is a column per input, with levels", {
  f <- function(df = data.frame(age = numeric(), plan = factor(levels = c("basic", "premium")))) stop("no rows")
  expect_identical(hints(f), list(
    inputs = list(spec("age", "FP64"), spec("plan", "BYTES", levels = c("basic", "premium"))), outputs = NULL
  ))
})

test_that("a parameter without a type stays unknown next to typed ones", {
  partly <- hints(function(age = numeric(), plan) age)
  expect_identical(partly$inputs, list(spec("age", "FP64"), list(
    name = "plan", datatype = NULL, shape = NULL, content_type = NULL, na = NULL, levels = NULL
  )))
  expect_null(partly$outputs)
})

test_that("a fitted model with a formula knows its inputs", {
  env <- list2env(list(m = lm(mpg ~ wt + factor(cyl), mtcars), other = 1))
  expect_identical(vapply(harness$artifact_of(env)$inputs, function(input) input$name, ""), c("wt", "cyl"))
  expect_null(harness$artifact_of(new.env()))
})

# The dimensions that an output of `shape` has for a value, or the kind of failure.
dims_of <- function(value, shape, rows = -1, datatype = "FP64") {
  tensor <- NULL
  kind <- failure_kind(tensor <- harness$compile_output(0L, spec("y", datatype, shape), FALSE)(value, rows))
  if (is.null(kind)) tensor$words[-(1:5)] else kind
}

test_that("[n] and [n,1] stand for each other, other shapes do not", {
  expect_identical(dims_of(c(1, 2), -1L), 2L)
  expect_identical(dims_of(matrix(1, 2, 1), -1L), 2L)
  expect_identical(dims_of(c(1, 2), c(-1L, 1L)), c(2L, 1L))
  expect_identical(dims_of(1, integer()), integer())
  expect_identical(dims_of(c(1, 2), c(-1L, 2L)), "INVALID_OUTPUT")
  expect_identical(dims_of(c(1, 2), -1L, rows = 3), "INVALID_OUTPUT")
  expect_identical(dims_of(NULL, -1L), "INVALID_OUTPUT")
  expect_identical(dims_of(array(1, c(2, 3, 4)), c(-1L, 3L, 4L)), 2:4)
})

data_of <- function(value, datatype, shape = -1L, column = TRUE, ...) {
  harness$compile_output(0L, spec("y", datatype, shape, ...), column)(value, -1)$data
}

test_that("R's classes are cast to what the signature says", {
  expect_identical(data_of(factor(c("b", "a")), "BYTES"), harness$join_texts(c("b", "a")))
  expect_identical(data_of(c(p = 1, q = 2), "FP64"), c(p = 1, q = 2))
  expect_identical(data_of(1:2, "FP32"), c(1, 2))
  expect_identical(data_of(c(NA, NA), "FP64"), c(NA_real_, NA_real_))
  expect_identical(data_of(c(NA, NA), "BYTES", na = "-"), harness$join_texts(c("-", "-")))
  expect_identical(data_of(list("a", as.raw(1:2)), "BYTES"), harness$join_elements(list(as.raw(97), as.raw(1:2))))
  expect_identical(data_of(as.raw(1:2), "BYTES"), harness$join_elements(list(as.raw(1:2))))
  expect_identical(data_of(c(TRUE, NA), "BOOL", na = FALSE), c(1L, 0L))
  expect_identical(data_of(bit64::as.integer64(5), "INT32"), 5L)
  expect_identical(data_of(matrix(1:6, 2), "INT32", c(-1L, 3L)) |> as.vector(), c(1L, 3L, 5L, 2L, 4L, 6L))
  expect_identical(failure_kind(data_of(c(TRUE, FALSE), "FP64")), "INVALID_OUTPUT")
  expect_identical(failure_kind(data_of(quote(a), "FP64")), "INVALID_OUTPUT")
  expect_identical(failure_kind(data_of(1, "BYTES")), "INVALID_OUTPUT")
})

test_that("INT_MIN passes tensors as the number that it is, and columns not", {
  expect_identical(data_of(NA_integer_, "INT32", column = FALSE), NA_integer_)
  expect_identical(failure_kind(data_of(NA_integer_, "INT32")), "INVALID_OUTPUT")
  expect_identical(failure_kind(data_of(NA_integer_, "INT16", column = FALSE)), "INVALID_OUTPUT")
  expect_identical(data_of(NA_integer_, "INT32", na = -2147483648), NA_integer_)
  expect_identical(data_of(-2147483648, "INT32"), NA_integer_)
})

test_that("date-times keep whether they had an offset", {
  texts <- c("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+01:30", "2026-01-02 03:04:05.25Z", "2026-01-02T03:04Z", NA)
  expect_identical(
    harness$text_from_datetimes(harness$datetimes_from_text(texts, "x")),
    c("2026-01-02T03:04:05Z", "2026-01-02T01:34:05Z", "2026-01-02T03:04:05.25Z", "2026-01-02T03:04:00Z", NA)
  )
  withr::with_timezone("UTC", {
    naive <- harness$datetimes_from_text(c("2026-01-02T03:04:05", "1969-12-31T23:59:59.001"), "x")
    expect_identical(harness$text_from_datetimes(naive), c("2026-01-02T03:04:05", "1969-12-31T23:59:59.001"))
  })
})

test_that("every code of the small floats survives a round trip", {
  for (format in list(harness$FP16, harness$BF16)) {
    codes <- 0:65535
    expect_identical(harness$codes_from_doubles(harness$doubles_from_codes(codes, format), format), codes)
  }
})

test_that("64-bit integers beyond what a double holds are read from their decimals", {
  words <- function(number) harness$words_from_doubles(unclass(harness$integer64_from_number(number)))[, 1L]
  expect_true(identical(words("18446744073709551615"), c(-1L, -1L)))
  expect_true(identical(words("9223372036854775808"), c(0L, NA)))
  expect_true(identical(words("-9223372036854775808"), c(0L, NA)))
  expect_true(identical(words("9007199254740993"), c(1L, 2097152L)))
  expect_true(identical(words(-4294967296), c(0L, -1L)))
  expect_true(identical(words(-1L), c(-1L, -1L)))
})
