# Start of the R harness: `R --file=main.R --args --memory-mb=N --fork-helper=FILE [--forks]`, with the transport in fds
# 3 and 4 (PROTOCOL.md, section 1), and the control channel in fd 5 where it may fork. The harness lives in an environment of its own, so that the global one is the model author's.

(function() {
  arguments <- commandArgs()
  option <- function(name) {
    found <- grep(paste0("^--", name, "="), arguments, value = TRUE)
    if (length(found) > 0L) sub("^[^=]*=", "", found[[1L]])
  }
  # R itself turns spaces in the file's name into this.
  folder <- dirname(gsub("~+~", " ", option("file"), fixed = TRUE))
  harness <- new.env(parent = baseenv())
  for (file in list.files(file.path(folder, "R"), pattern = "[.]R$", full.names = TRUE)) {
    sys.source(file, harness, keep.source = FALSE)
  }
  memory_mb <- suppressWarnings(as.numeric(option("memory-mb")))
  if (length(memory_mb) == 1L && !is.na(memory_mb)) mem.maxVSize(memory_mb)
  control <- if ("--forks" %in% arguments) harness$open_control(5L, option("fork-helper"))
  harness$run_session("/dev/fd/3", "/dev/fd/4", control)
})()
