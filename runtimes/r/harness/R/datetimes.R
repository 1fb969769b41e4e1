# Content type `datetime`: ISO 8601 text on the wire, POSIXct in the model. R knows no offset, only a time zone for
# printing: text with an offset arrives in UTC, text without one as a POSIXct without time zone, and so they leave. The
# process runs in UTC, so that both print as they came.

ISO_8601 <- paste0(
  "^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})([.,][0-9]+)?)?)?",
  "(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
)

#' POSIXct from ISO 8601 text; NA stays NA.
#' @param name the tensor's, for messages
datetimes_from_text <- function(text, name) {
  known <- !is.na(text)
  parts <- regmatches(text[known], regexec(ISO_8601, text[known], perl = TRUE))
  part <- function(i) vapply(parts, function(p) if (length(p) >= i) p[[i]] else "", "")
  or <- function(x, default) ifelse(x == "", default, x)
  clock <- paste0(part(2L), "T", or(part(3L), "00:00"), ":", or(part(4L), "00"))
  whole <- as.double(as.POSIXct(strptime(clock, "%Y-%m-%dT%H:%M:%S", tz = "UTC")))
  offset <- part(6L)
  seconds <- rep(NA_real_, length(text))
  seconds[known] <- whole + as.double(or(sub(",", ".", part(5L), fixed = TRUE), "0")) - offset_seconds(offset)
  wrong <- which(known & is.na(seconds))
  if (length(wrong) > 0L) {
    invalid_input(name, paste0("\"", text[[wrong[[1L]]]], "\" is no ISO 8601 date"), wrong[[1L]] - 1L)
  }
  if (any(offset != "")) .POSIXct(seconds, "UTC") else .POSIXct(seconds)
}

offset_seconds <- function(offset) {
  digits <- gsub("[^0-9]", "", offset)
  minutes <- ifelse(nchar(digits) >= 2L, as.double(substr(digits, 1L, 2L)) * 60, 0) +
    ifelse(nchar(digits) == 4L, as.double(substr(digits, 3L, 4L)), 0)
  minutes * ifelse(startsWith(offset, "-"), -60, 60)
}

#' ISO 8601 text from POSIXct, to the millisecond; NA stays NA.
text_from_datetimes <- function(x) {
  milliseconds <- round(as.double(x) * 1000)
  seconds <- floor(milliseconds / 1000)
  fraction <- sub("0+$", "", sprintf(".%03.0f", milliseconds - seconds * 1000))
  zone <- attr(x, "tzone")
  has_offset <- !is.null(zone) && nzchar(zone[[1L]])
  # Without a time zone, what counts is the clock on the wall.
  clock <- format(.POSIXct(seconds, if (has_offset) "UTC" else ""), "%Y-%m-%dT%H:%M:%S")
  text <- paste0(clock, ifelse(fraction == ".", "", fraction), if (has_offset) "Z")
  text[is.na(x)] <- NA
  text
}
