# Calls the model as it stands and writes what it answered to golden/.
# Fails when a row's answer depends on the rows beside it.
#
# Usage, in the model's folder (the model reads its artifact from there):
#   Rscript ../../training/penguins/record_golden.R

started <- proc.time()[["elapsed"]]
penguins <- new.env()
sys.source("model.R", penguins)
cat(sprintf("load %.0f ms\n", 1000 * (proc.time()[["elapsed"]] - started)))

birds <- as.data.frame(palmerpenguins::penguins)[c(
  "island", "bill_length_mm", "bill_depth_mm",
  "flipper_length_mm", "body_mass_g", "sex"
)]
# Doubles, as in the model's signature: an integer has no NaN.
measured <- 2:5
birds[measured] <- lapply(birds[measured], as.double)

check_rows_are_independent <- function(df) {
  whole <- penguins$predict_model(df)
  for (size in c(1, 2, 7, 64)) {
    first <- seq(1, nrow(df), by = size)
    answers <- lapply(first, function(i) {
      rows <- i:min(i + size - 1, nrow(df))
      penguins$predict_model(df[rows, ])
    })
    blocks <- lapply(names(whole), function(name) {
      unlist(lapply(answers, `[[`, name))
    })
    names(blocks) <- names(whole)
    # num.eq and single.NA off: every bit of a double counts.
    same <- identical(blocks, whole, num.eq = FALSE, single.NA = FALSE)
    if (!same) stop("answers differ in blocks of ", size)
  }
  cat(nrow(df), "rows: same bits in blocks of 1, 2, 7, 64 and whole\n")
}

print_cost <- function(df) {
  for (size in c(1, 64)) {
    block <- df[seq_len(size), ]
    calls <- 200
    seconds <- min(replicate(5, system.time(
      for (call in seq_len(calls)) penguins$predict_model(block)
    )[["elapsed"]]))
    cat(sprintf("%d rows: %.0f us a call\n", size, 1e6 * seconds / calls))
  }
}

# The shortest decimal that reads back as the same double.
shortest <- function(x) {
  if (is.nan(x) || is.na(x)) {
    return('"NaN"')
  }
  for (digits in 15:17) {
    text <- formatC(x, digits = digits, format = "g", width = 1)
    if (as.numeric(text) == x) break
  }
  text
}

# One tensor a line. Text that is missing travels as "", as model.yaml says.
tensor <- function(name, column) {
  if (is.numeric(column)) {
    datatype <- "FP64"
    data <- vapply(column, shortest, "")
  } else {
    datatype <- "BYTES"
    column <- as.character(column)
    data <- dQuote(ifelse(is.na(column), "", column), FALSE)
  }
  sprintf(
    '      {"name": "%s", "datatype": "%s", "shape": [%d], "data": [%s]}',
    name, datatype, length(data), paste(data, collapse = ", ")
  )
}

tensors <- function(columns) {
  paste(Map(tensor, names(columns), columns), collapse = ",\n")
}

record <- function(name, description, df) {
  answer <- penguins$predict_model(df)
  json <- c(
    "{",
    sprintf('  "description": "%s",', description),
    '  "request": {', '    "inputs": [', tensors(df), "    ]", "  },",
    '  "response": {', '    "outputs": [', tensors(answer), "    ]",
    "  }", "}"
  )
  writeLines(json, file.path("golden", paste0(name, ".json")))
  cat(sprintf("golden/%s.json: %d rows\n", name, nrow(df)))
}

check_rows_are_independent(birds)
complete <- birds[complete.cases(birds), ]
print_cost(complete)

record("one-row", "one penguin", complete[1, ])
record(
  "all-species", "penguins of all three species",
  complete[seq(20, nrow(complete), by = 40), ]
)
# Birds that were never measured, birds of unknown sex, complete ones between.
record(
  "missing-values", "penguins with missing values among complete ones",
  birds[c(1, 4, 9, 179, 180, 272, 219, 300), ]
)
