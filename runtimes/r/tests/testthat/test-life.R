# An instance's life: HELLO, PING, DRAIN, end-of-file, cancelling, and what user code does to the process.

x <- list(spec("x", "INT32"))
y <- list(spec("y", "INT32"))

test_that("HELLO comes before any user code, and an orphan exits with status 0", {
  host <- start_harness(model_folder("cat('loaded\\n')"))
  expect_identical(host$hello$protocol, 1L)
  expect_identical(host$hello$language, "r")
  expect_identical(host$hello$language_version, paste(R.version$major, R.version$minor, sep = "."))
  expect_identical(host$hello$features, list())
  expect_identical(log_lines(host), character())
  expect_identical(hang_up(host), 0L)
})

test_that("the end of the stream ends a serving harness with status 0", {
  host <- serving(fixture("slow"), x, y)
  expect_identical(hang_up(host), 0L)
})

test_that("a frame that breaks off ends the harness with status 0", {
  host <- serving(fixture("slow"), x, y)
  send_bytes(host, as.raw(c(64, 0, 0, 0, 0x10)))
  expect_identical(hang_up(host), 0L)
})

test_that("PING is answered with its id, an old CANCEL not at all, DRAIN with BYE", {
  host <- serving(fixture("slow"), x, y)
  send_json(host, "CANCEL", list(reason = "deadline"), c(7L, 0L))
  send_json(host, "PING", "{}", c(-1L, -1L))
  empty <- structure(list(), names = character())
  expect_identical(read_frame(host), list(type = "PONG", id = c(-1L, -1L), json = empty))
  send_json(host, "DRAIN", "{}")
  expect_identical(read_frame(host)$type, "BYE")
  expect_identical(hang_up(host), 0L)
})

test_that("a frame that was sent in pieces is answered", {
  host <- serving(fixture("slow"), x, y)
  bytes <- written(function(con) {
    harness$write_tensors(con, harness$INFER, c(9L, 1L), 0L, list(tensor(0, "INT32", 0:2)))
  })
  for (byte in bytes) send_bytes(host, as.raw(byte))
  frame <- read_frame(host)
  expect_identical(frame$id, c(9L, 1L))
  expect_identical(frame$outputs[[1L]]$data, 0:2)
  hang_up(host)
})

# What the model writes to a FIFO, so that the call is known to run.
await_line <- function(fifo) system2("timeout", c("20", "head", "-n1", fifo), stdout = TRUE)

test_that("SIGINT stops the running call and nothing else", {
  fifo <- tempfile("running")
  system2("mkfifo", fifo)
  model <- c(
    "predict <- function(x) {",
    sprintf("  if (x[1] > 0) cat('running\\n', file = '%s')", fifo),
    "  if (x[1] > 0) Sys.sleep(60)",
    "  x",
    "}"
  )
  host <- serving_model(model, x, y)
  # Before, between and after calls it is ignored.
  for (round in 1:3) {
    tools::pskill(host$hello$pid, tools::SIGINT)
    expect_identical(infer(host, list(tensor(0, "INT32", 0L)))$type, "RESULT")
    send_infer(host, list(tensor(0, "INT32", 1L)))
    expect_identical(await_line(fifo), "running")
    tools::pskill(host$hello$pid, tools::SIGINT)
    frame <- read_frame(host)
    expect_identical(frame$type, "ERROR")
    expect_identical(frame$id, c(host$ids, 0L))
    expect_identical(frame$json$kind, "CANCELLED")
  }
  expect_identical(hang_up(host), 0L)
})

test_that("SIGINT stops a loop without pauses, and a call of rows as a whole", {
  fifo <- tempfile("running")
  system2("mkfifo", fifo)
  model <- sprintf("predict <- function(x) {\n  cat('running\\n', file = '%s')\n  repeat x <- x + 1\n}", fifo)
  host <- serving_model(model, list(spec("x", "FP64")), list(spec("y", "FP64")), per = "row")
  send_infer(host, list(tensor(0, "FP64", c(1, 2))), c(1, 1))
  await_line(fifo)
  tools::pskill(host$hello$pid, tools::SIGINT)
  frame <- read_frame(host)
  expect_identical(frame$type, "ERROR")
  expect_identical(frame$json$kind, "CANCELLED")
  hang_up(host)
})

test_that("SIGINT during loading is ignored", {
  fifos <- tempfile(c("loading", "go"))
  system2("mkfifo", fifos)
  model <- c(
    sprintf("cat('loading\\n', file = '%s')", fifos[[1L]]), sprintf("readLines(file('%s', raw = TRUE))", fifos[[2L]]),
    "for (i in 1:100000) sqrt(i)",
    "predict <- function(x) x"
  )
  host <- start_harness(model_folder(model))
  body <- START_BODY
  body$folder <- host$folder
  send_json(host, "INIT", body)
  await_line(fifos[[1L]])
  tools::pskill(host$hello$pid, tools::SIGINT)
  go <- file(fifos[[2L]], "w", raw = TRUE)
  writeLines("go", go)
  close(go)
  expect_identical(read_frame(host)$type, "LOADED")
  hang_up(host)
})

test_that("warnings and messages reach the log before the answer", {
  host <- serving_model("predict <- function(x) {\n  warning('thin ice')\n  message('crossed')\n  x\n}", x, y)
  infer(host, list(tensor(0, "INT32", 1L)))
  expect_match(log_lines(host, "stderr"), "thin ice", all = FALSE)
  expect_match(log_lines(host, "stderr"), "crossed", all = FALSE)
  hang_up(host)
})

test_that("the author's session is that of Rscript, and the harness is not in it", {
  host <- serving_model(c(
    "stopifnot(identical(ls(), character()), identical(getwd(), normalizePath('.')))",
    "stopifnot(is.function(lm), is.function(head), is.function(setClass), is.function(rgb), nrow(iris) == 150)",
    "rm(list = ls(all.names = TRUE))",
    "predict <- function(x) x"
  ), x, y)
  expect_identical(infer(host, list(tensor(0, "INT32", 1L)))$type, "RESULT")
  hang_up(host)
})

test_that("an answer beyond max_frame is refused", {
  host <- serving_model("predict <- function(x) seq_len(x[1])", x, y, max_frame = 4096L)
  expect_identical(infer(host, list(tensor(0, "INT32", 1000L)))$type, "RESULT")
  expect_identical(infer(host, list(tensor(0, "INT32", 2000L)))$json$kind, "RESULT_TOO_LARGE")
  hang_up(host)
})

test_that("a large frame goes both ways", {
  host <- serving_model("predict <- function(x) x", x, y)
  frame <- infer(host, list(tensor(0, "INT32", seq_len(1e5))))
  expect_identical(frame$outputs[[1L]]$data, seq_len(1e5))
  hang_up(host)
})
