# Values against values.json: tensors, columns and casts.

vectors <- read_vectors("values.json")

tensor_of <- function(case) {
  list(
    name = "x", datatype = case$datatype, shape = case$shape, content_type = case$content_type, na = case$na,
    levels = case$levels
  )
}

decode <- function(case, column) {
  input <- harness$compile_input(tensor_of(case), column)
  bytes <- bytes_from_hex(case$bytes)
  dims <- as.integer(unlist(case$shape))
  con <- rawConnection(bytes)
  on.exit(close(con))
  input$convert(input$read(con, prod(dims), length(bytes)), dims, 0L)
}

encode <- function(value, case, column) {
  output <- harness$compile_output(0L, tensor_of(case), column)(value, -1)
  expect_identical(output$words[-(1:5)], as.integer(unlist(case$shape)))
  bytes <- if (length(output$data) > 0L) writeBin(as.vector(output$data), raw(), size = output$size) else raw()
  expect_identical(output$bytes, length(bytes))
  hex_from_bytes(bytes)
}

# One element of a decoded value as values.json spells it.
spelled <- function(element, case) {
  if (inherits(element, "POSIXct")) return(format(round(as.double(element) * 1000), scientific = FALSE))
  if (inherits(element, "integer64")) {
    if (!is.null(case$na) && is.na(element)) return(NULL)
    words <- harness$words_from_doubles(unclass(element))
    return(decimal_from_words(words[[1L]], words[[2L]], case$datatype == "INT64"))
  }
  if (is.raw(element)) return(hex_from_bytes(element))
  if (is.factor(element)) element <- as.character(element)
  if (is.double(element)) return(element)
  if (is.na(element)) return(NULL)
  if (is.integer(element)) as.character(element) else element
}

expect_element <- function(element, expected, case) {
  found <- spelled(element, case)
  if (is.double(found)) {
    # R reads decimals of subnormal numbers inexactly; the bytes are compared bit by bit anyway.
    number <- as.double(expected)
    expect_equal(found, number, tolerance = 1e-15)
    expect_identical(1 / found, 1 / found * sign(1 / found) * (if (startsWith(expected, "-")) -1 else 1))
  } else {
    expect_identical(found, expected)
  }
}

elements_of <- function(value) {
  if (is.list(value)) return(as.vector(harness$to_row_major(value), "list"))
  kept <- attributes(value)[c("class", "levels", "tzone")]
  flat <- as.vector(harness$to_row_major(unclass(value)))
  lapply(flat, function(element) {
    attributes(element) <- kept[!vapply(kept, is.null, NA)]
    element
  })
}

expect_case <- function(case, column) {
  except <- case$except$r
  value <- decode(case, column)
  expected <- if (is.null(except$values)) case$values else except$values
  elements <- elements_of(value)
  expect_length(elements, length(expected))
  for (i in seq_along(expected)) expect_element(elements[[i]], expected[[i]], case)
  for (probe in case$at) {
    index <- as.list(unlist(probe$index) + 1L)
    kept <- attributes(value)["class"]
    element <- do.call(`[[`, c(list(unclass(value)), index))
    if (!is.null(kept$class) && kept$class == "integer64") class(element) <- "integer64"
    expect_element(element, probe$value, case)
  }
  expect_identical(encode(value, case, column), if (is.null(except$bytes)) case$bytes else except$bytes)
}

for (case in vectors$tensors) {
  test_that(paste("tensor", case$name), expect_case(case, column = FALSE))
}

for (case in vectors$columns) {
  test_that(paste("column", case$name), expect_case(case, column = TRUE))
}

for (case in vectors$casts) {
  if (is.null(case$languages) || "r" %in% unlist(case$languages)) {
    test_that(paste("cast", case$name), {
      output <- harness$compile_output(0L, spec("y", case$datatype), column = TRUE)
      run <- function() {
        tensor <- output(as.double(case$value), 1)
        hex_from_bytes(writeBin(as.vector(tensor$data), raw(), size = tensor$size))
      }
      if (is.null(case$bytes)) {
        expect_identical(failure_kind(run()), "INVALID_OUTPUT")
      } else {
        expect_identical(run(), case$bytes)
      }
    })
  }
}

for (datatype in names(harness$DATATYPES)) {
  test_that(paste("no rows of", datatype, "come back as no rows"), {
    case <- list(datatype = datatype, shape = list(0L), bytes = "", values = list())
    expect_case(case, column = FALSE)
    expect_case(case, column = TRUE)
  })
}
