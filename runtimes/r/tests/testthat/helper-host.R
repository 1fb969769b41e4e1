# The host's side: a real harness process behind a pair of FIFOs, and the frames that a host sends and reads.

START_BODY <- list(
  model = "m", version = "1", instance = "m/1#1", entry = NULL, per = "batch", content_type = NULL, libraries = list(),
  max_frame = 67108864
)

# Starts the command of runtime.json in `folder` and reads its HELLO. Ends by itself after a minute.
# `wrap`: function(command, at), the command to run in its place; `at(name)` is a file of this host's own.
start_harness <- function(folder, memory_mb = 1024, built = built_folder, wrap = function(command, at) command) {
  runtime <- jsonlite::read_json(file.path(runtime_folder, "runtime.json"))
  values <- c(
    `{tool:R}` = Sys.which("R")[[1L]], `{harness}` = file.path(runtime_folder, "harness"), `{memory_mb}` = memory_mb,
    `{built}` = built
  )
  command <- unlist(runtime$command)
  for (name in names(values)) command <- gsub(name, values[[name]], command, fixed = TRUE)
  scratch <- tempfile("host")
  at <- function(name) file.path(scratch, name)
  dir.create(scratch)
  dir.create(at("tmp"))
  system2("mkfifo", c("-m600", shQuote(c(at("in"), at("out"), at("status")))))
  command <- wrap(command, at)
  extra <- paste0(names(runtime$env), "=", unlist(runtime$env))
  # What a process that is killed leaves in a folder that others use meets the next one with its id.
  environment <- c("PATH=/usr/local/bin:/usr/bin:/bin", paste0(c("HOME=", "TMPDIR="), at("tmp")), extra)
  script <- sprintf(
    "exec 5>%s; cd %s && timeout -s KILL 60 env -i %s %s </dev/null 3<%s 4>%s >%s 2>%s 5>&-; echo $? >&5",
    shQuote(at("status")), shQuote(folder), paste(shQuote(environment), collapse = " "),
    paste(shQuote(command), collapse = " "), shQuote(at("in")), shQuote(at("out")), shQuote(at("stdout")),
    shQuote(at("stderr"))
  )
  system2("sh", c("-c", shQuote(script)), wait = FALSE)
  host <- list2env(list(folder = folder, scratch = scratch, ids = 0L))
  # In the order in which the shell opens them: each waits for its other end.
  host$status <- file(at("status"), "r", raw = TRUE)
  host$output <- file(at("in"), "wb", raw = TRUE)
  host$input <- file(at("out"), "rb", raw = TRUE)
  # A test that fails leaves no process behind.
  withr::defer(if (!is.null(host$input)) hang_up(host), testthat::teardown_env())
  host$hello <- read_frame(host)$json
  host
}

# The next frame: list(type, id, json) or list(type, id, segments, outputs, errors), each output list(dims, data).
read_frame <- function(host) {
  header <- harness$read_header(host$input, 2^31)
  frame <- list(type = names(harness$FRAME_TYPES)[harness$FRAME_TYPES == header$type], id = header$id)
  if (header$type != harness$RESULT) return(c(frame, list(json = harness$read_json(host$input, header$length))))
  body <- read_result(host$input, header$length)
  outputs <- lapply(seq_along(body$data), function(i) {
    tensor <- body$layout$tensors[[i]]
    list(index = tensor$index, dims = tensor$dims, data = body$data[[i]])
  })
  c(frame, list(segments = body$layout$segments, outputs = outputs, errors = body$json$errors))
}

# A tensor body with its data as R reads it and its JSON block.
read_result <- function(con, length, raw_data = FALSE) {
  with_readers <- function(layout) {
    layout$tensors <- lapply(layout$tensors, function(tensor) {
      name <- if (raw_data) "BYTES" else names(harness$DATATYPES)[[tensor$datatype]]
      tensor$read <- harness$READERS[[match(name, names(harness$READERS))]]
      tensor
    })
    layout
  }
  body <- harness$tensor_reader(with_readers, result = TRUE)(con, length)
  if (body$layout$json_bytes > 0) {
    readBin(con, "raw", body$layout$json_gap)
    body$json <- harness$read_json(con, body$layout$json_bytes)
  }
  body
}

send_json <- function(host, type, body, id = c(0L, 0L)) harness$write_json(host$output, type, body, id)

send_bytes <- function(host, bytes) {
  writeBin(bytes, host$output)
  flush(host$output)
}

# INIT, and the frame that answers it.
load_model <- function(host, ...) {
  body <- START_BODY
  body$folder <- host$folder
  send_json(host, "INIT", utils::modifyList(body, list(...), keep.null = TRUE))
  read_frame(host)
}

bind_model <- function(host, inputs, outputs) {
  send_json(host, "BIND", list(inputs = inputs, outputs = outputs))
  read_frame(host)
}

spec <- function(name, datatype, shape = -1L, content_type = NULL, na = NULL, levels = NULL) {
  list(
    name = name, datatype = datatype, shape = as.list(shape), content_type = content_type, na = na,
    levels = if (!is.null(levels)) as.list(levels)
  )
}

# A tensor of INFER. `data` are numbers in row-major order, or text for BYTES.
tensor <- function(index, datatype, data, dims = length(data), content_type = 0L) {
  force(dims)
  if (datatype == "BYTES") data <- harness$join_texts(data)
  size <- if (datatype == "BYTES") 1L else harness$ELEMENT_BYTES[[harness$DATATYPES[[datatype]]]]
  harness$wire_tensor(as.integer(index), harness$DATATYPES[[datatype]], as.integer(dims), data, size, content_type)
}

send_infer <- function(host, tensors, segments = 0L) {
  host$ids <- host$ids + 1L
  harness$write_tensors(host$output, harness$INFER, c(host$ids, 0L), as.integer(segments), tensors)
}

infer <- function(host, tensors, segments = 0L) {
  send_infer(host, tensors, segments)
  frame <- read_frame(host)
  testthat::expect_identical(frame$id, c(host$ids, 0L))
  frame
}

log_lines <- function(host, stream = "stdout") readLines(file.path(host$scratch, stream), warn = FALSE)

# Closes the transport, as a host that is gone does, and awaits the process's end; returns its exit status.
hang_up <- function(host) {
  close(host$output)
  close(host$input)
  host$input <- NULL
  status <- as.integer(readLines(host$status))
  close(host$status)
  unlink(host$scratch, recursive = TRUE)
  status
}

# A model's folder with these lines as its model.R, and further files by name.
model_folder <- function(lines, ...) {
  folder <- tempfile("model")
  dir.create(folder)
  files <- c(list(model.R = lines), list(...))
  for (name in names(files)) writeLines(files[[name]], file.path(folder, name))
  folder
}

fixture <- function(behaviour) file.path(root, "test", "fixtures", "models", behaviour, "r")

# A harness with a model loaded and bound.
serving <- function(folder, inputs, outputs, ...) {
  host <- start_harness(folder)
  loaded <- load_model(host, ...)
  if (loaded$type != "LOADED") stop("did not load: ", loaded$json$message)
  ready <- bind_model(host, inputs, outputs)
  if (ready$type != "READY") stop("did not bind: ", ready$json$message)
  host$convention <- ready$json$convention
  host
}

serving_model <- function(lines, inputs, outputs, ...) serving(model_folder(lines), inputs, outputs, ...)
