# A process that has loaded the model and forks the instances that serve it (PROTOCOL.md, section 8).

OUTPUT_PIPES <- c("stdout", "stderr")
PIPES <- c("input", "output", OUTPUT_PIPES)
# The id of the fork that keeps the transport that the process was started with.
FIRST <- NO_ID
# The transport that the process was started with.
STARTED_WITH <- 3:4

#' Returns in every fork, and never in this process. Where the model cannot be forked it returns here: this process is
#' the instance then, and the only one.
#' @param session with the transport; that of a later fork is another
#' @return whether this is a later fork, which has not greeted yet
fork_instances <- function(session) {
  control <- session$control
  session$control <- NULL
  zygote <- list2env(list(control = control, pids = integer(), ends = integer(), host_ends = list()))
  obstacle <- find_obstacle(control, session$own_files)
  if (is.null(obstacle)) {
    control$native("put_signals_aside")
    forked <- tryCatch(fork_one(zygote, FIRST, OUTPUT_PIPES), idiom_no_fork = identity)
    if (is.integer(forked)) {
      become_instance(zygote, forked)
      return(FALSE)
    }
    if (is.null(forked)) return(serve_forks(zygote, session))
    control$native("restore_signals")
    obstacle <- conditionMessage(forked)
  }
  give_up(control, obstacle)
  FALSE
}

# No fork will come from this process.
give_up <- function(control, reason) {
  send_control(control, "FAILED", no_fork_body(reason))
  if (!is.null(control$native)) close_fds(control, control$fd)
}

# Returns in the forks alone. The session, which reports errors to its host, has gone to them.
serve_forks <- function(zygote, session) {
  broken <- function(e) leave_at_once(zygote, STATUS_FAILED)
  tryCatch(
    {
      leave_to_first(zygote$control, session)
      repeat {
        fds <- c(zygote$control$fd, zygote$ends)
        ready <- zygote$control$native("await", fds, length(fds), ready = integer(length(fds)))$ready != 0L
        for (end in fds[-1L][ready[-1L]]) report_end(zygote, end)
        if (ready[[1L]] && answer_host(zygote, session)) return(TRUE)
      }
    },
    error = broken, idiom_violation = broken, idiom_end_of_file = broken
  )
}

# What the first fork has, this process gives up.
leave_to_first <- function(control, session) {
  close(session$input)
  close(session$output)
  close_fds(control, STARTED_WITH)
  control$native("print_nowhere")
}

# Whether this is a fork now.
answer_host <- function(zygote, session) {
  frame <- receive_control(zygote$control)
  if (is.null(frame)) leave_at_once(zygote, 0L)
  switch(frame$type,
    FORK = return(fork_next(zygote, session, frame$id)),
    TAKEN = {
      close_fds(zygote$control, zygote$host_ends[[key_of(frame$id)]])
      zygote$host_ends[[key_of(frame$id)]] <- NULL
    },
    violation(paste("an unexpected", frame$type))
  )
  FALSE
}

fork_next <- function(zygote, session, id) {
  forked <- tryCatch(fork_one(zygote, id, PIPES), idiom_no_fork = identity)
  if (is.integer(forked)) {
    # While this process holds the other ends, too: to open a pipe waits for somebody who has its other end.
    open_transport(session, paste0("/dev/fd/", forked[["input"]]), paste0("/dev/fd/", forked[["output"]]))
    become_instance(zygote, forked)
    return(TRUE)
  }
  if (!is.null(forked)) tell(zygote, "FAILED", no_fork_body(conditionMessage(forked)), id)
  FALSE
}

# In the fork its ends of these pipes, by name; NULL here. Raises `idiom_no_fork`.
fork_one <- function(zygote, id, names) {
  control <- zygote$control
  pipes <- make_pipes(control, names)
  forked <- control$native("fork", pid = 0L, error = 0L)
  if (forked$error != 0L) {
    close_fds(control, c(pipes$fork, pipes$host))
    no_fork(control, forked$error)
  }
  zygote$host_ends[[key_of(id)]] <- pipes$host
  if (forked$pid == 0L) return(pipes$fork)
  close_fds(control, pipes$fork)
  watched <- control$native("watch", forked$pid, fd = -1L, error = 0L)
  if (watched$error != 0L) stop("the end of a fork cannot be heard of")
  zygote$pids <- c(zygote$pids, forked$pid)
  zygote$ends <- c(zygote$ends, watched$fd)
  tell(zygote, "FORKED", list(pid = forked$pid, pipes = with_nulls(pipes$host)), id)
  NULL
}

# Of all pipes, null for those that were not made.
with_nulls <- function(ends) structure(lapply(PIPES, function(name) as.list(ends)[[name]]), names = PIPES)

# list(fork, host): the ends of each, by the pipes' names.
make_pipes <- function(control, names) {
  made <- control$native("pipes", ends = integer(2L * length(names)), length(names), error = 0L)
  if (made$error != 0L) no_fork(control, made$error)
  to_read <- made$ends[c(TRUE, FALSE)]
  to_write <- made$ends[c(FALSE, TRUE)]
  is_input <- names == "input"
  list(
    fork = structure(ifelse(is_input, to_read, to_write), names = names),
    host = structure(ifelse(is_input, to_write, to_read), names = names)
  )
}

# In a fork: nothing stays of its parent's but what was loaded.
become_instance <- function(zygote, ends) {
  control <- zygote$control
  control$native("print_to", ends[["stdout"]], ends[["stderr"]])
  close_fds(control, c(ends, unlist(zygote$host_ends), zygote$ends, control$fd))
  take_own_tempdir(control)
  # Also where the author has set a seed: siblings would draw the same numbers. It fails where the seed is locked.
  seed <- control$native("entropy", seed = 0L)$seed
  tryCatch(set.seed(seed), error = function(e) NULL)
  control$native("restore_signals")
}

# The end of R removes the folder that R has made, which must not be the one of its parent and siblings. Where /tmp is
# full it stays that all the same.
take_own_tempdir <- function(control) {
  folder <- own_folder(Sys.getpid())
  if (!dir.create(folder, showWarnings = FALSE, mode = "0700")) return()
  Sys.setenv(TMPDIR = folder)
  parents <- tempdir()
  control$native("name_tempdir", file.path(folder, "none"))
  tryCatch(tempdir(check = TRUE), error = function(e) control$native("name_tempdir", parents))
}

own_folder <- function(pid) file.path(Sys.getenv("TMPDIR", "/tmp"), paste0("instance-", pid))

report_end <- function(zygote, end) {
  is_it <- zygote$ends == end
  pid <- zygote$pids[is_it]
  zygote$pids <- zygote$pids[!is_it]
  zygote$ends <- zygote$ends[!is_it]
  close_fds(zygote$control, end)
  ended <- zygote$control$native("reap", pid, code = -1L, signal = -1L)
  unlink(own_folder(pid), recursive = TRUE, force = TRUE, expand = FALSE)
  tell(zygote, "EXITED", list(
    pid = pid, code = if (ended$code >= 0L) ended$code, signal = if (ended$signal >= 0L) ended$signal
  ))
}

tell <- function(zygote, type, body, id = NO_ID) {
  if (!send_control(zygote$control, type, body, id)) leave_at_once(zygote, 0L)
}

# No handler or finalizer of the author's runs.
leave_at_once <- function(zygote, status) zygote$control$native("leave", status)

no_fork <- function(control, error) raise(c("idiom_no_fork", "error"), error_text(control, error))

no_fork_body <- function(reason) list(kind = "NO_FORK", type = NULL, message = reason, traceback = list())

# An id is its two halves.
key_of <- function(id) paste(id, collapse = " ")
