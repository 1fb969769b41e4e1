# The harness, compiled from what is here now, and the vectors of the protocol.

root <- normalizePath(file.path("..", "..", "..", ".."))
runtime_folder <- file.path(root, "runtimes", "r")

built_folder <- tempfile("built")
dir.create(built_folder)
compiled <- file.path(built_folder, "harness.rds")
compiling <- shQuote(c(file.path(runtime_folder, "compile.R"), file.path(runtime_folder, "harness", "R"), compiled))
if (system2(file.path(R.home("bin"), "Rscript"), compiling) != 0L) stop("the harness does not compile")
harness <- readRDS(compiled)
# Set-up has built it if there is a compiler.
file.copy(file.path(Sys.getenv("IDIOM_DATA", file.path(root, ".idiom")), "harness", "r", "fork.so"), built_folder)

read_vectors <- function(name) {
  path <- file.path(root, "proto", "harness", "v1", "vectors", name)
  jsonlite::parse_json(readChar(path, file.size(path), useBytes = TRUE))
}

bytes_from_hex <- function(hex) {
  if (hex == "") return(raw())
  first <- seq_len(nchar(hex) / 2) * 2 - 1
  as.raw(strtoi(substring(hex, first, first + 1), 16L))
}

hex_from_bytes <- function(bytes) paste(as.character(bytes), collapse = "")

# A 32-bit word as it is on the wire; R's NA is the sign bit alone.
unsigned_word <- function(word) ifelse(is.na(word), 2^31, ifelse(word < 0, word + 2^32, as.double(word)))

# Decimal text of a 64-bit integer, digit by digit: no number of R holds them all.
decimal_from_words <- function(low, high, signed = FALSE) {
  low <- unsigned_word(low)
  high <- unsigned_word(high)
  negative <- signed && high >= 2^31
  if (negative) {
    low <- (2^32 - low) %% 2^32
    high <- (2^32 - high - (low > 0)) %% 2^32
  }
  digits <- character()
  repeat {
    rest <- (high %% 10) * 2^32 + low
    high <- high %/% 10
    low <- rest %/% 10
    digits <- c(rest %% 10, digits)
    if (high == 0 && low == 0) break
  }
  paste0(if (negative) "-", paste(digits, collapse = ""))
}

words_from_decimal <- function(text) {
  low <- high <- 0
  for (digit in as.integer(strsplit(text, "")[[1L]])) {
    low <- low * 10 + digit
    high <- (high * 10 + low %/% 2^32) %% 2^32
    low <- low %% 2^32
  }
  harness$signed_word(c(low, high))
}

# What `code` writes to a connection.
written <- function(code) {
  con <- rawConnection(raw(), "wb")
  on.exit(close(con))
  code(con)
  rawConnectionValue(con)
}

# The kind of failure that `code` ends in; NULL if it ends in none.
failure_kind <- function(code) {
  tryCatch(
    {
      code
      NULL
    },
    idiom_failure = function(e) e$kind,
    idiom_violation = function(e) "PROTOCOL",
    idiom_end_of_file = function(e) "end of file"
  )
}
