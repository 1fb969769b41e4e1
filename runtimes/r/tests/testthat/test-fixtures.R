# The models of test/fixtures/models, as the behaviour suite calls them, against a real harness.

x_int32 <- list(spec("x", "INT32"))
y_int32 <- list(spec("y", "INT32"))

output <- function(frame, index = 0L) {
  if (frame$type != "RESULT") stop("no RESULT: ", frame$json$message)
  Filter(function(tensor) tensor$index == index, frame$outputs)[[1L]]
}

texts_of <- function(tensor) harness$split_texts(tensor$data, prod(tensor$dims), "y")

test_that("echo_datatypes gives every data type back", {
  types <- c(
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BF16",
    "BYTES"
  )
  inputs <- lapply(types, function(type) spec(paste0("x_", tolower(type)), type))
  outputs <- lapply(types, function(type) spec(paste0("y_", tolower(type)), type))
  host <- serving(fixture("echo_datatypes"), inputs, outputs)
  expect_identical(host$convention, "named")
  tensors <- lapply(seq_along(types), function(i) {
    size <- harness$ELEMENT_BYTES[[harness$DATATYPES[[types[[i]]]]]]
    bytes <- as.raw(rep(0:1, size))
    if (types[[i]] == "BYTES") bytes <- harness$join_elements(list(as.raw(c(0, 255)), raw()))
    harness$wire_tensor(i - 1L, harness$DATATYPES[[types[[i]]]], 2L, bytes, 1L)
  })
  frame <- infer(host, tensors)
  for (i in seq_along(types)) {
    data <- output(frame, i - 1L)$data
    sent <- rawConnection(tensors[[i]]$data)
    expect_identical(data, harness$READERS[[types[[i]]]](sent, 2, length(tensors[[i]]$data)), info = types[[i]])
    close(sent)
  }
  hang_up(host)
})

test_that("matrix keeps rows and columns apart, and segments together", {
  host <- serving(fixture("matrix"), list(spec("x", "INT32", c(-1L, -1L))), list(spec("y", "INT32", c(-1L, -1L))))
  expect_identical(host$convention, "tensor")
  frame <- infer(host, list(tensor(0, "INT32", 1:6, c(3, 2))), segments = c(1, 2))
  expect_identical(frame$segments, 1:2)
  expect_identical(output(frame)$dims, c(3L, 2L))
  expect_identical(output(frame)$data, 10L * 1:6 + c(0L, 1L))
  expect_identical(output(infer(host, list(tensor(0, "INT32", integer(), c(0, 2)))))$dims, c(0L, 2L))
  hang_up(host)
})

test_that("named gives its outputs by name", {
  host <- serving(
    fixture("named"), list(spec("a", "INT32", c(-1L, 2L)), spec("b", "INT32", c(-1L, 2L))),
    list(spec("sum", "INT32", c(-1L, 2L)), spec("difference", "INT32", c(-1L, 2L)))
  )
  # In the other order than the signature.
  frame <- infer(host, list(tensor(1, "INT32", 1:4, c(2, 2)), tensor(0, "INT32", 11:14, c(2, 2))), segments = c(1, 1))
  expect_identical(output(frame, 0L)$data, 11:14 + 1:4)
  expect_identical(output(frame, 1L)$data, 11:14 - 1:4)
  hang_up(host)
})

test_that("frame knows missing values and levels", {
  host <- serving(
    fixture("frame"),
    list(
      spec("age", "FP64"), spec("plan", "BYTES", na = "", levels = c("basic", "premium")),
      spec("visits", "INT64", na = -1L)
    ),
    list(spec("score", "FP64"), spec("label", "BYTES", na = "")),
    content_type = "pd"
  )
  expect_identical(host$convention, "frame")
  visits <- unclass(bit64::as.integer64(c(7, -1, 3)))
  columns <- function(plan) {
    list(tensor(0, "FP64", c(30, 40, 50)), tensor(1, "BYTES", plan), tensor(2, "INT64", visits))
  }
  frame <- infer(host, columns(c("premium", "basic", "")), segments = c(2, 1))
  expect_identical(output(frame, 0L)$data, c(160, 80, NaN))
  expect_identical(texts_of(output(frame, 1L)), c("premium:7", "", ""))
  expect_identical(texts_of(output(infer(host, columns(c("", "", ""))), 1L)), c("", "", ""))

  refused <- infer(host, columns(c("premium", "gold", "")))
  expect_identical(refused$json$kind, "INVALID_INPUT")
  expect_match(refused$json$message, "`plan`, row 1: \"gold\"", fixed = TRUE)
  hang_up(host)
})

test_that("row is called once per row", {
  host <- serving(
    fixture("row"), list(spec("age", "FP64"), spec("plan", "BYTES")), list(spec("p", "FP64")), per = "row"
  )
  expect_identical(host$convention, "row")
  frame <- infer(host, list(tensor(0, "FP64", c(1, 2, 3)), tensor(1, "BYTES", c("basic", "premium", ""))), c(1, 2))
  expect_identical(frame$segments, 1:2)
  expect_identical(output(frame)$data, c(0.01, 1.02, 0.03))
  hang_up(host)
})

test_that("inferred says its signature", {
  host <- start_harness(fixture("inferred"))
  loaded <- load_model(host)$json
  expect_identical(loaded$entry, "model.R:predict_model")
  expect_identical(loaded$hints$inputs, list(spec("age", "FP64"), spec("plan", "BYTES")))
  expect_identical(loaded$hints$outputs, list(spec("output", "FP64")))
  expect_identical(bind_model(host, loaded$hints$inputs, loaded$hints$outputs)$json$convention, "named")
  frame <- infer(host, list(tensor(0, "FP64", c(1, 2)), tensor(1, "BYTES", c("basic", "premium"))))
  expect_identical(output(frame)$data, c(0.01, 1.02))
  hang_up(host)
})

test_that("raise answers with the condition's class, text and lines, and goes on", {
  host <- serving(fixture("raise"), list(spec("x", "FP64")), list(spec("y", "FP64")))
  frame <- infer(host, list(tensor(0, "FP64", c(1, -2))), c(1, 1))
  expect_identical(frame$type, "ERROR")
  expect_identical(frame$json, list(
    kind = "MODEL_ERROR", type = "NegativeValue", message = "x is negative: -2",
    traceback = list("model.R:10 in predict_model"), segment = NULL, row = NULL
  ))
  expect_identical(output(infer(host, list(tensor(0, "FP64", 3))))$data, 6)
  hang_up(host)
})

test_that("raise_row takes only the failed row's segment out", {
  host <- serving(fixture("raise_row"), list(spec("x", "FP64")), list(spec("y", "FP64")), per = "row")
  frame <- infer(host, list(tensor(0, "FP64", c(1, 2, -3, -4, 5))), c(1, 3, 1))
  expect_identical(frame$segments, c(1L, 0L, 1L))
  expect_identical(output(frame)$data, c(2, 10))
  expect_identical(frame$errors, list(list(
    kind = "MODEL_ERROR", type = "NegativeValue", message = "x is negative: -3",
    traceback = list("model.R:10 in predict_model"), segment = 1L, row = 1L
  )))
  frame <- infer(host, list(tensor(0, "FP64", -1)), 1)
  expect_identical(frame$segments, 0L)
  expect_identical(output(frame)$dims, 0L)
  hang_up(host)
})

test_that("noisy_stdout prints to the log and nowhere else", {
  host <- serving(fixture("noisy_stdout"), x_int32, y_int32)
  expect_identical(log_lines(host), "loading noisy")
  expect_identical(output(infer(host, list(tensor(0, "INT32", 7L))))$data, 7L)
  lines <- log_lines(host)
  expect_identical(lines[2:3], c("out 7", "line 0"))
  expect_identical(lines[[1002]], "line 999")
  expect_identical(charToRaw(lines[[1003]]), as.raw(c(0xff, 0xfe, 0xc3)))
  expect_identical(log_lines(host, "stderr"), "err 7")
  hang_up(host)
})

test_that("wrong_output is found out and named", {
  host <- serving(fixture("wrong_output"), x_int32, list(spec("y", "FP64", c(-1L, 2L))))
  expect_identical(output(infer(host, list(tensor(0, "INT32", c(0L, 0L))), c(1, 1)))$data, numeric(4))
  messages <- vapply(1:4, function(x) {
    frame <- infer(host, list(tensor(0, "INT32", c(x, x))), c(1, 1))
    expect_identical(frame$json$kind, "INVALID_OUTPUT")
    frame$json$message
  }, "")
  expect_match(messages[[1L]], "[2,3], the signature says [-1,2]", fixed = TRUE)
  expect_match(messages[[2L]], "`y`: is character, the signature says FP64", fixed = TRUE)
  expect_match(messages[[3L]], "`y`: is missing; the function returned z", fixed = TRUE)
  expect_match(messages[[4L]], "the call has 2 rows", fixed = TRUE)
  hang_up(host)
})

test_that("fails_to_load says why and exits with status 1", {
  host <- start_harness(fixture("fails_to_load"))
  frame <- load_model(host)
  expect_identical(frame$type, "FAILED")
  expect_identical(frame$json, list(
    kind = "LOAD_FAILED", type = "simpleError", message = "cannot find the weights",
    traceback = list("model.R:1 in <top level>")
  ))
  expect_identical(hang_up(host), 1L)
})

test_that("keeps_state counts its calls", {
  host <- serving(fixture("keeps_state"), x_int32, list(spec("count", "INT64", 1L)))
  infer(host, list(tensor(0, "INT32", 1:3)))
  count <- output(infer(host, list(tensor(0, "INT32", 1:3))))
  expect_identical(count$dims, 1L)
  expect_identical(harness$words_from_doubles(count$data)[, 1L], c(2L, 0L))
  hang_up(host)
})

test_that("slow answers after its time", {
  host <- serving(fixture("slow"), x_int32, y_int32)
  started <- proc.time()[["elapsed"]]
  expect_identical(output(infer(host, list(tensor(0, "INT32", 50L))))$data, 50L)
  expect_gte(proc.time()[["elapsed"]] - started, 0.05)
  hang_up(host)
})

test_that("exits_while_serving really exits", {
  host <- serving(fixture("exits_while_serving"), x_int32, y_int32)
  infer(host, list(tensor(0, "INT32", 1L)))
  send_infer(host, list(tensor(0, "INT32", -1L)))
  expect_identical(failure_kind(read_frame(host)), "end of file")
  expect_identical(hang_up(host), 3L)
})

test_that("answers_then_exits answers, then ends", {
  host <- serving(fixture("answers_then_exits"), x_int32, y_int32)
  expect_identical(output(infer(host, list(tensor(0, "INT32", -1L))))$data, -1L)
  expect_identical(failure_kind(read_frame(host)), "end of file")
  hang_up(host)
})
