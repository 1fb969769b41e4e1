# Violations against invalid.json: a real harness says FAILED PROTOCOL and exits with status 70.

vectors <- read_vectors("invalid.json")

# One process per stream is slow, so most are read in this process; some go all the way.
read_as_harness <- function(stream, datatype) {
  input <- list(harness$compile_input(spec("x", datatype, c(-1L, 2L)), column = FALSE))
  con <- rawConnection(stream)
  session <- list2env(list(input = con, output = rawConnection(raw(), "wb"), max_frame = vectors$max_frame))
  on.exit({
    close(con)
    close(session$output)
  })
  failure_kind({
    header <- harness$await_frame(session, harness$INFER)
    body <- harness$tensor_reader(harness$input_binder(input))(con, header$length)
    harness$input_converter(1L)(body)
  })
}

for (case in vectors$violations) {
  if (case$receiver %in% c("any", "harness")) {
    test_that(paste(case$name, "is a violation:", case$reason), {
      datatype <- if (startsWith(case$name, "bytes-")) "BYTES" else "FP32"
      expect_identical(read_as_harness(bytes_from_hex(case$stream), datatype), "PROTOCOL")
    })
  }
}

test_that("a violation ends the process with FAILED PROTOCOL and status 70", {
  streams <- lapply(vectors$violations, function(case) bytes_from_hex(case$stream))
  names(streams) <- vapply(vectors$violations, function(case) case$name, "")
  for (name in c("length-all-ones", "rows-do-not-add-up", "bytes-torn-length-in-infer")) {
    datatype <- if (startsWith(name, "bytes-")) "BYTES" else "FP32"
    host <- serving_model(
      "predict <- function(x) x", list(spec("x", datatype, c(-1L, -1L))), list(spec("y", datatype, c(-1L, -1L)))
    )
    send_bytes(host, streams[[name]])
    frame <- read_frame(host)
    expect_identical(frame$type, "FAILED")
    expect_identical(frame$json$kind, "PROTOCOL")
    expect_identical(hang_up(host), 70L)
  }
})

test_that("an INFER before BIND is a violation", {
  host <- start_harness(fixture("matrix"))
  send_infer(host, list(tensor(0, "INT32", 1:4, c(2, 2))))
  expect_identical(read_frame(host)$json$kind, "PROTOCOL")
  expect_identical(hang_up(host), 70L)
})
