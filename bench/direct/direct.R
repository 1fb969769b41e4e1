# Calls an R model's predict_model(df) directly, request by request.

arguments <- commandArgs(trailingOnly = TRUE)
data <- arguments[[2]]
model <- new.env()
sys.source("model.R", model)

read_column <- function(input) {
  path <- file.path(data, paste0(input$name, ".", input$kind))
  if (input$kind == "f64") {
    return(readBin(path, "double", file.size(path) / 8, endian = "little"))
  }
  if (input$kind == "i32") {
    return(readBin(path, "integer", file.size(path) / 4, endian = "little"))
  }
  values <- readLines(path)
  if (!is.null(input$na)) values[values == input$na] <- NA
  if (is.null(input$levels)) values else factor(values, unlist(input$levels))
}

inputs <- jsonlite::read_json(file.path(data, "inputs.json"))
columns <- lapply(inputs, read_column)
names(columns) <- vapply(inputs, `[[`, "", "name")
table <- as.data.frame(columns)

sizes_file <- file.path(data, "sizes.i32")
sizes <- readBin(sizes_file, "integer", file.size(sizes_file) / 4,
                 endian = "little")
ends <- cumsum(sizes)
answers <- Map(function(start, end) {
  model$predict_model(table[start:end, , drop = FALSE])
}, ends - sizes + 1, ends)

for (name in names(answers[[1]])) {
  path <- file.path(data, "out", name)
  column <- lapply(answers, `[[`, name)
  if (is.double(column[[1]])) {
    writeBin(unlist(column), paste0(path, ".f64"), endian = "little")
  } else {
    text <- unlist(lapply(column, as.character))
    text[is.na(text)] <- ""
    writeLines(text, paste0(path, ".txt"))
  }
}
