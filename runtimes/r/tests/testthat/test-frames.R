# Frames against frames.json and forks.json: decoding at any split, and encoding.

vectors <- read_vectors("frames.json")

content_type_code <- function(name) if (is.null(name)) 0L else harness$CONTENT_TYPES[[name]]

decode_frame <- function(con, max_frame) {
  header <- harness$read_header(con, max_frame)
  type <- names(harness$FRAME_TYPES)[harness$FRAME_TYPES == header$type]
  frame <- list(type = type, id = decimal_from_words(header$id[[1L]], header$id[[2L]]))
  if (type %in% c("INFER", "RESULT")) {
    c(frame, list(tensors = read_result(con, header$length, raw_data = TRUE)))
  } else {
    c(frame, list(json = harness$read_json(con, header$length)))
  }
}

expect_frame <- function(frame, expected) {
  expect_identical(frame$type, expected$type)
  expect_identical(frame$id, expected$id)
  if (is.null(expected$tensors)) return(expect_same_json(frame$json, expected$json))
  body <- frame$tensors
  expect_identical(body$layout$segments, as.integer(unlist(expected$tensors$segments)))
  expect_identical(body$json$errors, expected$tensors$errors)
  expect_length(body$data, length(expected$tensors$tensors))
  for (i in seq_along(body$data)) {
    tensor <- body$layout$tensors[[i]]
    wanted <- expected$tensors$tensors[[i]]
    expect_identical(tensor$index, wanted$index)
    expect_identical(names(harness$DATATYPES)[[tensor$datatype]], wanted$datatype)
    expect_identical(tensor$content_type, content_type_code(wanted$content_type))
    expect_identical(tensor$dims, as.integer(unlist(wanted$shape)))
    expect_identical(hex_from_bytes(body$data[[i]]), wanted$data)
  }
}

# R has no text with a zero character: JSON that holds one is cut there. No frame that a harness reads holds text.
expect_same_json <- function(json, expected) {
  expect_identical(json[names(json) != "message"], expected[names(expected) != "message"])
  expect_identical(json$message, expected$message)
}

encode_frame <- function(frame) {
  id <- words_from_decimal(frame$id)
  if (is.null(frame$tensors)) return(written(function(con) harness$write_json(con, frame$type, frame$json, id)))
  tensors <- lapply(frame$tensors$tensors, function(tensor) {
    content_type <- content_type_code(tensor$content_type)
    harness$wire_tensor(
      tensor$index, harness$DATATYPES[[tensor$datatype]], as.integer(unlist(tensor$shape)),
      bytes_from_hex(tensor$data), 1L, content_type
    )
  })
  json <- if (!is.null(frame$tensors$errors)) harness$json_text(list(errors = frame$tensors$errors))
  type <- harness$FRAME_TYPES[[frame$type]]
  segments <- as.integer(unlist(frame$tensors$segments))
  written(function(con) harness$write_tensors(con, type, id, segments, tensors, json))
}

for (case in c(vectors$cases, read_vectors("forks.json")$cases)) {
  test_that(paste("decodes", case$name), {
    bytes <- bytes_from_hex(paste(unlist(case$chunks), collapse = ""))
    con <- rawConnection(bytes)
    on.exit(close(con))
    for (expected in case$frames) expect_frame(decode_frame(con, vectors$max_frame), expected)
    expect_identical(failure_kind(harness$read_header(con, vectors$max_frame)), "end of file")
  })

  if (length(case$chunks) > 1L) {
    test_that(paste("decodes", case$name, "from a pipe"), {
      path <- tempfile("stream")
      fifo <- tempfile("fifo")
      writeBin(bytes_from_hex(paste(unlist(case$chunks), collapse = "")), path)
      system2("mkfifo", fifo)
      size <- nchar(case$chunks[[1L]]) / 2
      system2("dd", c(paste0("if=", path), paste0("of=", fifo), paste0("bs=", size)), wait = FALSE, stderr = FALSE)
      con <- file(fifo, "rb", raw = TRUE)
      on.exit(close(con))
      for (expected in case$frames) expect_frame(decode_frame(con, vectors$max_frame), expected)
    })
  }

  if (!identical(case$encode, FALSE) && length(case$frames) == 1L) {
    test_that(paste("encodes", case$name), {
      bytes <- encode_frame(case$frames[[1L]])
      if (is.null(case$frames[[1L]]$tensors)) {
        con <- rawConnection(bytes)
        on.exit(close(con))
        expect_frame(decode_frame(con, vectors$max_frame), case$frames[[1L]])
      } else {
        # JSON blocks may be spelled in another way; the vectors' are spelled as jsonlite does.
        expect_identical(hex_from_bytes(bytes), case$chunks[[1L]])
      }
    })
  }
}

test_that("a frame that looks like the one before is checked like any other", {
  body <- function(words, data = numeric()) c(writeBin(as.integer(words), raw()), writeBin(data, raw()))
  good <- body(c(48L, 1L, 1L, 0L, 2L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), c(1, 2))
  worse <- list(
    body(c(48L, 1L, 1L, 0L, 3L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), c(1, 2)), # other rows
    body(c(48L, 1L, 1L, 0L, 2L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), 1), # a value too few
    body(c(48L, 65L, 1L, 0L, 2L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), c(1, 2)), # 64 segments more
    body(c(48L, -63L, 1L, 0L, 2L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), c(1, 2)),
    body(c(48L, NA, 1L, 0L, 2L, 0L, 12L, 0L, 16L, 1L, 2L, 0L), c(1, 2))
  )
  reader <- harness$tensor_reader(function(layout) {
    layout$tensors[[1L]]$read <- harness$READERS$FP64
    layout
  })
  read <- function(bytes) {
    con <- rawConnection(bytes)
    on.exit(close(con))
    reader(con, length(bytes))
  }
  for (bytes in worse) {
    expect_identical(read(good)$data, list(c(1, 2)))
    expect_identical(failure_kind(read(bytes)), "PROTOCOL")
  }
  expect_identical(read(good)$data, list(c(1, 2)))
})

test_that("the harness is compiled, what its functions make as well", {
  is_compiled <- function(f) typeof(.Internal(bodyCode(f))) == "bytecode"
  expect_true(is_compiled(harness$serve))
  expect_true(all(vapply(harness$READERS, is_compiled, NA)))
})
