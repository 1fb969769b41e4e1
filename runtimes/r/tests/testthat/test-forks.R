# Forks (PROTOCOL.md, section 8): one process loads the model, its forks serve it.

PID <- "predict <- function(x) as.double(Sys.getpid())"
ECHO <- c("cat('loaded\\n')", "predict <- function(x) x")
DRAW <- "predict <- function(x) runif(1)"

skip_without_helper <- function() {
  skip_if_not(file.exists(file.path(built_folder, "fork.so")), "without a C compiler there is nothing that forks")
}

test_that("the first fork serves over the transport of the process", {
  skip_without_helper()
  host <- forking(PID)
  expect_identical(answer(host), as.double(host$first$pid))
  expect_false(host$first$pid == host$hello$pid)
})

test_that("later ones greet, and have the model that was loaded once", {
  skip_without_helper()
  host <- forking(ECHO)
  first <- fork_another(host)
  second <- fork_another(host)
  for (peer in list(first, second, host)) expect_identical(answer(peer), 0)
  for (peer in list(first, second)) {
    expect_identical(peer$hello$pid, peer$pid)
    send_json(peer, "DRAIN", "{}")
    expect_identical(read_frame(peer)$type, "BYE")
    expect_identical(printed(peer), character())
  }
  expect_identical(log_lines(host), "loaded")
})

test_that("each has an output of its own", {
  skip_without_helper()
  host <- forking("predict <- function(x) {\n  cat('printed\\n')\n  x\n}")
  peer <- fork_another(host)
  answer(peer)
  expect_identical(printed(peer), "printed")
})

test_that("each draws random numbers of its own, also after a seed and from another kind of generator", {
  skip_without_helper()
  for (seed in c("", "set.seed(1)", "set.seed(1, \"L'Ecuyer-CMRG\")", "runif(1)")) {
    host <- forking(c(seed, DRAW))
    drawn <- vapply(list(host, fork_another(host), fork_another(host)), answer, 0)
    expect_length(unique(drawn), 3L)
  }
})

test_that("temporary files are its own and gone with it; those of the load stay", {
  skip_without_helper()
  host <- forking(c(
    "loaded <- tempfile()", "writeLines('weights', loaded)",
    "predict <- function(x) {",
    "  file <- tempfile()",
    "  writeLines('x', file)",
    "  cat(file, '\\n', sep = '')",
    "  if (readLines(loaded) == 'weights') x else -1",
    "}"
  ))
  killed <- fork_another(host)
  leaving <- fork_another(host)
  answer(killed)
  file <- printed(killed)
  expect_true(file.exists(file))
  kill(killed$pid)
  exited(host)
  expect_false(file.exists(dirname(dirname(file))))
  # The end of R removes what it takes for its own.
  send_json(leaving, "DRAIN", "{}")
  exited(host)
  expect_identical(answer(host), 0)
})

test_that("it holds no descriptor of its parent or siblings", {
  skip_without_helper()
  host <- forking(ECHO)
  peers <- list(fork_another(host), fork_another(host), fork_another(host))
  pipes <- character()
  inherited <- Sys.readlink(list.files("/proc/self/fd", full.names = TRUE))
  for (peer in peers) {
    open <- Sys.readlink(list.files(sprintf("/proc/%d/fd", peer$pid), full.names = TRUE))
    expect_false(any(grepl("socket|pidfd|/in$|/out$", open)))
    # None of its own is another's.
    expect_length(intersect(open, pipes), 0L)
    pipes <- c(pipes, grep("pipe", setdiff(open, inherited), value = TRUE))
  }
})

test_that("the zygote keeps nothing of those that have ended", {
  skip_without_helper()
  host <- forking(ECHO)
  held <- function() length(list.files(sprintf("/proc/%d/fd", host$hello$pid)))
  fork_and_end <- function() {
    peer <- fork_another(host)
    kill(peer$pid)
    exited(host)
    hang_up_fork(peer)
    held()
  }
  expect_length(unique(vapply(1:5, function(i) fork_and_end(), 0L)), 1L)
})

test_that("the zygote tells how each ended, and the first is like the others", {
  skip_without_helper()
  host <- forking("predict <- function(x) if (x[1] == 1) quit(status = 3) else x")
  killed <- fork_another(host)
  leaving <- fork_another(host)
  drained <- fork_another(host)
  kill(killed$pid)
  expect_identical(exited(host), list(pid = killed$pid, code = NULL, signal = 9L))
  send_infer(leaving, list(tensor(0, "FP64", 1)))
  expect_identical(exited(host), list(pid = leaving$pid, code = 3L, signal = NULL))
  send_json(drained, "DRAIN", "{}")
  expect_identical(exited(host), list(pid = drained$pid, code = 0L, signal = NULL))
  kill(host$first$pid)
  expect_identical(exited(host)$pid, host$first$pid)
  expect_identical(answer(fork_another(host)), 0)
})

test_that("one whose host is gone ends while its siblings live", {
  skip_without_helper()
  host <- forking(ECHO)
  peer <- fork_another(host)
  sibling <- fork_another(host)
  hang_up_fork(peer)
  expect_identical(exited(host), list(pid = peer$pid, code = 0L, signal = NULL))
  expect_identical(answer(sibling), 0)
})

test_that("SIGINT stops a call of a fork, and neither its sibling nor the zygote", {
  skip_without_helper()
  host <- forking("predict <- function(x) {\n  cat('running\\n')\n  if (x[1] > 0) Sys.sleep(60)\n  x\n}")
  peer <- fork_another(host)
  sibling <- fork_another(host)
  send_infer(peer, list(tensor(0, "FP64", 1)))
  printed(peer)
  for (pid in c(host$hello$pid, peer$pid)) tools::pskill(pid, tools::SIGINT)
  expect_identical(read_frame(peer)$json$kind, "CANCELLED")
  expect_identical(answer(sibling), 0)
  expect_identical(answer(fork_another(host)), 0)
})

test_that("the zygote runs no finalizer of the author's, and ends with its control channel", {
  skip_without_helper()
  host <- forking(c("kept <- new.env()", "reg.finalizer(kept, function(e) cat('final\\n'), onexit = TRUE)", PID))
  hang_up_fork(host$control)
  expect_identical(readLines(host$status), "0")
  expect_false("final" %in% log_lines(host))
})

expect_serves_alone <- function(model, reason, ..., test = parent.frame()) {
  host <- start_zygote(model, ..., test = test)
  frame <- read_frame(host$control)
  expect_identical(list(frame$type, frame$id, frame$json$kind), list("FAILED", c(0L, 0L), "NO_FORK"))
  expect_match(frame$json$message, reason, fixed = TRUE)
  ready(host)
  expect_identical(answer(host), as.double(host$hello$pid))
  host
}

test_that("a model that keeps a process, a file or a connection is not forked", {
  skip_without_helper()
  expect_serves_alone(c("kept <- pipe('cat', 'w')", PID), "processes of its own once it is loaded")
  expect_serves_alone(c("kept <- file('model.R', 'r')", PID), "/model.R open once it is loaded")
  host <- expect_serves_alone(c("kept <- serverSocket(0L)", PID), "the model keeps socket:")
  expect_identical(failure_kind(harness$read_header(host$control$input, 1024)), "end of file")
})

test_that("what was closed, forgotten or has no state is in nobody's way", {
  skip_without_helper()
  host <- forking(c(
    "closed <- file('model.R', 'r')", "close(closed)", "file('model.R', 'r')",
    "entropy <- file('/dev/urandom', 'rb')", PID
  ))
  expect_identical(answer(host), as.double(host$first$pid))
})

test_that("the helper compiles without a warning", {
  skip_if(Sys.which("cc") == "", "no C compiler")
  file <- file.path(runtime_folder, "native", "fork.c")
  printed <- system2("cc", c("-Wall", "-Wextra", "-fsyntax-only", shQuote(file)), stdout = TRUE, stderr = TRUE)
  expect_identical(as.vector(printed), character())
})

test_that("without its helper a model is not forked, and serves", {
  built <- withr::local_tempdir()
  file.copy(file.path(built_folder, "harness.rds"), built)
  expect_serves_alone(PID, "no helper that forks", built = built)
})
