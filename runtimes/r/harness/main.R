# Start of the R harness: `R --file=main.R --args --harness=FILE --memory-mb=N --fork-helper=FILE [--forks]`, FILE being
# what ../compile.R has made of R/*.R, with the transport in fds 3 and 4 (PROTOCOL.md, section 1), and the control
# channel in fd 5 where it may fork.

(function() {
  arguments <- commandArgs()
  option <- function(name) {
    found <- grep(paste0("^--", name, "="), arguments, value = TRUE)
    if (length(found) > 0L) sub("^[^=]*=", "", found[[1L]])
  }
  harness <- readRDS(option("harness"))
  if (harness$COMPILED_BY != R.version.string) {
    stop("the harness was compiled by ", harness$COMPILED_BY, ", this is ", R.version.string, "; run: npm run setup")
  }
  memory_mb <- suppressWarnings(as.numeric(option("memory-mb")))
  if (length(memory_mb) == 1L && !is.na(memory_mb)) mem.maxVSize(memory_mb)
  control <- if ("--forks" %in% arguments) harness$open_control(5L, option("fork-helper"))
  harness$run_session("/dev/fd/3", "/dev/fd/4", control)
})()
