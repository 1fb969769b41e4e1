# The control channel of a process that may fork, and the helper (native/fork.c) that does what base R cannot: read and
# write a socket, fork, and hear how each fork ended.

HEADER_BYTES <- 16L
MAX_CONTROL_FRAME <- 64L * 1024L

#' @param fd of the channel
#' @param helper file of the compiled helper
#' @return list(fd, native): `native(name, ...)` calls a function of the helper and returns its arguments as they are
#'   afterwards; NULL where there is no helper, or none for this machine
open_control <- function(fd, helper) {
  native <- load_native(helper)
  # What the author's code starts must not hold it.
  if (!is.null(native)) native("own", fd)
  list(fd = fd, native = native)
}

load_native <- function(file) {
  library <- tryCatch(dyn.load(file), error = function(e) NULL)
  if (is.null(library)) return(NULL)
  function(name, ...) .C(getNativeSymbolInfo(paste0("idiom_", name), library), ...)
}

#' Whether the host is still there.
send_control <- function(control, type, body, id = NO_ID) {
  frame <- json_frame(type, body, id)
  if (!is.null(control$native)) {
    return(control$native("send", control$fd, frame, length = length(frame))$length == length(frame))
  }
  # Base R knows descriptors by path alone, and a socket cannot be opened by its path.
  shell <- pipe(paste0("cat >&", control$fd), "wb")
  on.exit(close(shell))
  write_binary(frame, shell, 1L)
  TRUE
}

#' The next frame: list(type, id), `type` a name. NULL when the host is gone.
receive_control <- function(control) {
  bytes <- receive_bytes(control, HEADER_BYTES)
  if (length(bytes) < HEADER_BYTES) return(NULL)
  header <- read_header(bytes, MAX_CONTROL_FRAME)
  body <- receive_bytes(control, header$length)
  if (length(body) < header$length) return(NULL)
  read_json(body, header$length)
  list(type = names(FRAME_TYPES)[FRAME_TYPES == header$type], id = header$id)
}

receive_bytes <- function(control, length) {
  received <- control$native("receive", control$fd, bytes = raw(length), length = as.integer(length))
  received$bytes[seq_len(received$length)]
}

close_fds <- function(control, fds) control$native("close", as.integer(fds), length(fds))

#' The text of an errno.
error_text <- function(control, error) control$native("message", error, text = strrep(" ", 200L))$text
