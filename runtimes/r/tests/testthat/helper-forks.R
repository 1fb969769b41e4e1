# The host's side of section 8: a harness with a control channel, and its forks.

# Starts a harness that may fork, and sends INIT. Ends with `test`: R has connections for few at a time.
start_zygote <- function(model, ..., test = parent.frame()) {
  host <- start_harness(model_folder(model), ..., wrap = with_control)
  withr::defer(if (!is.null(host$input)) hang_up(host), test)
  host$test <- test
  host$forks <- 0L
  host$control <- peer(host, file.path(host$scratch, c("control-out", "control-in")))
  body <- START_BODY
  body$folder <- host$folder
  send_json(host, "INIT", body)
  host
}

with_control <- function(command, at) {
  fifos <- c(at("control-in"), at("control-out"))
  system2("mkfifo", c("-m600", shQuote(fifos)))
  c("perl", file.path(runtime_folder, "tests", "control.pl"), fifos, command, "--forks")
}

# For send_json() and read_frame(), which reads from the first of the files.
peer <- function(host, paths) {
  peer <- list2env(list(folder = host$folder, ids = 0L))
  if (length(paths) > 0L) {
    peer$output <- file(paths[[2L]], "wb", raw = TRUE)
    peer$input <- file(paths[[1L]], "rb", raw = TRUE)
  }
  withr::defer(hang_up_fork(peer), host$test)
  peer
}

hang_up_fork <- function(peer) {
  open <- intersect(c("input", "output", "stdout"), ls(peer))
  for (con in mget(open, peer)) close(con)
  rm(list = open, envir = peer)
}

# Its first fork is ready to serve over the transport of the process.
forking <- function(model, ..., test = parent.frame()) {
  host <- start_zygote(model, ..., test = test)
  host$first <- forked(host, 0L)
  ready(host)
  host
}

# Reads FORKED and takes the fork's pipes.
forked <- function(host, id) {
  frame <- read_frame(host$control)
  testthat::expect_identical(list(frame$type, frame$id), list("FORKED", c(id, 0L)))
  at <- function(name) sprintf("/proc/%d/fd/%d", host$hello$pid, frame$json$pipes[[name]])
  peer <- peer(host, if (id != 0L) c(at("output"), at("input")))
  peer$pid <- frame$json$pid
  peer$stdout <- file(at("stdout"), "rb", raw = TRUE)
  send_json(host$control, "TAKEN", "{}", c(id, 0L))
  peer
}

# One more fork, ready to serve.
fork_another <- function(host) {
  host$forks <- host$forks + 1L
  send_json(host$control, "FORK", "{}", c(host$forks, 0L))
  peer <- forked(host, host$forks)
  peer$hello <- read_frame(peer)$json
  body <- START_BODY
  body$folder <- host$folder
  send_json(peer, "INIT", body)
  ready(peer)
  peer
}

ready <- function(peer) {
  testthat::expect_identical(read_frame(peer)$type, "LOADED")
  testthat::expect_identical(bind_model(peer, list(spec("x", "FP64")), list(spec("y", "FP64")))$type, "READY")
}

# What the model makes of a number.
answer <- function(peer, x = 0) {
  frame <- infer(peer, list(tensor(0, "FP64", x)))
  testthat::expect_identical(frame$type, "RESULT")
  frame$outputs[[1L]]$data
}

# The next line that a fork has printed; none when it has ended. Byte by byte: readLines() waits for a whole buffer.
printed <- function(peer) {
  bytes <- raw()
  repeat {
    byte <- readBin(peer$stdout, "raw", 1L)
    if (length(byte) == 0L) return(character())
    if (byte == charToRaw("\n")) return(rawToChar(bytes))
    bytes <- c(bytes, byte)
  }
}

# The next end that the zygote tells of, as list(pid, code, signal).
exited <- function(host) {
  frame <- read_frame(host$control)
  testthat::expect_identical(frame$type, "EXITED")
  frame$json[c("pid", "code", "signal")]
}

kill <- function(pid) invisible(tools::pskill(pid, tools::SIGKILL))
