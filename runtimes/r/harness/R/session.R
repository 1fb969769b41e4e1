# The life of an instance (PROTOCOL.md, section 4): HELLO, load, bind, then one INFER after the other.

PROTOCOL_VERSION <- 1L
STATUS_FAILED <- 1L
STATUS_VIOLATION <- 70L

#' Speaks with the host until it is gone or says DRAIN; does not return.
#' @param input,output paths of the transport's two ends
#' @param control of open_control(): the process forks once it has loaded the model, and the forks serve it; or NULL
run_session <- function(input, output, control = NULL) {
  session <- new.env(parent = emptyenv())
  open_transport(session, input, output)
  session$control <- control
  # What is open beside these once the model is loaded is the model's.
  session$own_files <- if (!is.null(control)) open_files()
  session$max_frame <- DEFAULT_MAX_FRAME
  session$calling <- FALSE
  tryCatch(
    heeding_cancel(session, {
      greet(session)
      load_and_bind(session)
      repeat serve(session)
    }),
    idiom_end_of_file = function(e) leave(0L),
    idiom_violation = function(e) {
      fail(session, list(kind = "PROTOCOL", message = conditionMessage(e)), STATUS_VIOLATION)
    }
  )
}

# `raw`: no seeking, no guessing of compression. stdio buffers both ways, so that a small frame is one read and one
# write, and restarts what a signal interrupts.
open_transport <- function(session, input, output) {
  session$input <- file(input, "rb", raw = TRUE)
  session$output <- file(output, "wb", raw = TRUE)
}

# HELLO and INIT.
greet <- function(session) {
  write_json(session$output, "HELLO", hello_body())
  init <- read_json(session$input, await_frame(session, FRAME_TYPES[["INIT"]])$length)
  session$init <- init
  session$max_frame <- init$max_frame %||% DEFAULT_MAX_FRAME
  session$folder <- normalizePath(init$folder, mustWork = FALSE)
}

# Written by hand: jsonlite takes longer to load than R itself, and no orphan should wait for it.
hello_body <- function() {
  sprintf(
    '{"protocol":%d,"language":"r","language_version":"%s.%s","pid":%d,"features":[]}',
    PROTOCOL_VERSION, R.version$major, R.version$minor, Sys.getpid()
  )
}

leave <- function(status) quit(save = "no", status = status, runLast = FALSE)

fail <- function(session, failed, status = STATUS_FAILED) {
  flush.connection(stdout())
  write_json(session$output, "FAILED", failed_body(failed))
  leave(status)
}

# The host cancels by SIGINT, which R makes a condition. It ends the author's code; anywhere else it comes late, and
# what it interrupted goes on.
heeding_cancel <- function(session, code) {
  withCallingHandlers(code, interrupt = function(e) {
    if (!session$calling) invokeRestart("resume")
    session$calling <- FALSE
  })
}

#' Reads frames until one of the type that is due; answers those that may come at any time.
#' @return its header
await_frame <- function(session, due) {
  repeat {
    header <- read_header(session$input, session$max_frame)
    type <- header$type
    if (type == due) return(header)
    name <- names(FRAME_TYPES)[FRAME_TYPES == type]
    if (!(name %in% c("PING", "CANCEL", "DRAIN"))) violation(paste(name, "is not due"))
    read_json(session$input, header$length)
    # A CANCEL that is read here names a frame that was answered before.
    if (name == "PING") write_json(session$output, "PONG", "{}", header$id)
    if (name == "DRAIN") {
      write_json(session$output, "BYE", "{}")
      leave(0L)
    }
  }
}

load_and_bind <- function(session) {
  init <- session$init
  load_step(session, {
    prepare_session(init$libraries)
    model <- load_model(init$entry)
    loaded <- list(entry = model$entry, hints = hints_of(model$f), artifact = artifact_of())
  })
  flush.connection(stdout())
  # Goes on in the forks. A later one has a host of its own to greet, which asks for what is loaded already.
  if (!is.null(session$control) && fork_instances(session)) greet(session)
  write_json(session$output, "LOADED", loaded)

  bind <- read_json(session$input, await_frame(session, FRAME_TYPES[["BIND"]])$length)
  load_step(session, {
    if (any(vapply(c(bind$inputs, bind$outputs), function(tensor) is_64_bit_integer(tensor$datatype), NA))) {
      # Loaded for its methods: without them, arithmetic on 64-bit integers silently works on the bits of doubles.
      loadNamespace("bit64")
    }
    convention <- choose_convention(model$f, bind$inputs, init)
    session$bound <- bind_model(model$f, convention, bind, init, session$folder)
  })
  write_json(session$output, "READY", list(convention = convention))
}

load_step <- function(session, code) {
  failed <- attempt(code, session$folder, "LOAD_FAILED")
  if (!is.null(failed)) fail(session, failed)
}

# Answers frames until one fails, and that one too. The handlers stand around the loop, not around each call: setting
# them up costs as much as a small frame.
serve <- function(session) {
  failed <- tryCatch(
    heeding_cancel(session, attempt(repeat answer_next(session), session$folder, "MODEL_ERROR")),
    interrupt = function(e) list(kind = "CANCELLED", type = "interrupt", message = "the call was cancelled")
  )
  session$calling <- FALSE
  flush.connection(stdout())
  # Half of a frame was read: the stream is of no use any more.
  if (is.null(session$in_flight)) fail(session, failed)
  write_json(session$output, "ERROR", error_body(failed), session$in_flight)
}

answer_next <- function(session) {
  header <- await_frame(session, INFER)
  bound <- session$bound
  session$in_flight <- NULL
  body <- bound$read(session$input, header$length)
  session$in_flight <- header$id
  values <- bound$values_of(body)

  # A SIGINT that came too late for the frame before is pending: this makes R notice, and heeding_cancel() drop it.
  .Internal(Sys.sleep(0))
  session$calling <- TRUE
  answer <- bound$answer(values, body$layout)
  session$calling <- FALSE
  .Internal(flush(.Internal(stdout())))
  write_tensors(
    session$output, RESULT, header$id, answer$segments, answer$tensors, answer$json, session$max_frame
  )
}
