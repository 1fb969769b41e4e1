# The R harness's tests: Rscript runtimes/r/tests/run.R [part of a test file's name]
# They run the vectors of proto/harness/v1 and the models of test/fixtures against real child processes.

# The harness runs in UTF-8 whatever the machine's locale is; so do its tests.
invisible(Sys.setlocale("LC_CTYPE", "C.UTF-8"))

file <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[[1L]])
folder <- file.path(dirname(normalizePath(file)), "testthat")
filter <- commandArgs(trailingOnly = TRUE)
results <- as.data.frame(testthat::test_dir(
  folder,
  filter = if (length(filter) > 0L) filter[[1L]],
  env = new.env(parent = globalenv()), reporter = "summary", stop_on_failure = FALSE
))
failed <- sum(results$failed > 0L | results$error)
cat(sprintf("%d passed, %d failed\n", nrow(results) - failed, failed))
quit(save = "no", status = as.integer(failed > 0L))
