# Why a process that has loaded the model must not be forked: its forks would lack something, or take it from each
# other.

# Open in many processes, and without a position or anything else that they could take from each other.
STATELESS <- c("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

NO_HELPER <- "R's harness has no helper that forks; npm run setup builds it where there is a C compiler"

#' NULL when nothing is in the way.
#' @param own_files of open_files() before the author's code ran
find_obstacle <- function(control, own_files) {
  if (is.null(control$native)) return(NO_HELPER)
  # What nobody holds any more is closed and gone.
  suppressWarnings(gc())
  tasks <- list.files("/proc/self/task")
  if (length(tasks) > 1L) return("the model runs threads of its own once it is loaded")
  children <- readLines(file.path("/proc/self/task", tasks, "children"), warn = FALSE)
  if (any(grepl("[0-9]", children))) return("the model runs processes of its own once it is loaded")
  files <- open_files()
  kept <- setdiff(files[!(names(files) %in% names(own_files))], STATELESS)
  if (length(kept) > 0L) return(paste("the model keeps", kept[[1L]], "open once it is loaded"))
  watched <- control$native("watch", Sys.getpid(), fd = -1L, error = 0L)
  if (watched$error != 0L) {
    return(paste("the kernel does not tell of the end of a process:", error_text(control, watched$error)))
  }
  close_fds(control, watched$fd)
  NULL
}

#' What this process has open: names of files and pipes by their descriptors.
open_files <- function() {
  fds <- list.files("/proc/self/fd")
  names <- Sys.readlink(file.path("/proc/self/fd", fds))
  names(names) <- fds
  # What has no name any more was the list itself.
  names[!is.na(names) & nzchar(names)]
}
