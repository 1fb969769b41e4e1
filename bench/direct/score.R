# What a data scientist writes instead, for the penguins: read a CSV file in
# blocks, predict, write. Usage: Rscript score.R MODEL_FOLDER INPUT OUTPUT, in
# the model's folder. Prints its seconds, and those that were the model's own.

BLOCK <- 10000L

arguments <- commandArgs(trailingOnly = TRUE)
model <- new.env()
sys.source("model.R", model)

started_at <- proc.time()[["elapsed"]]
own <- 0
source <- file(arguments[[2]], "r")
target <- file(arguments[[3]], "w")
names <- strsplit(readLines(source, 1L), ",")[[1L]]
first <- TRUE
repeat {
  lines <- readLines(source, BLOCK)
  if (length(lines) == 0L) break
  block <- read.csv(
    text = lines, header = FALSE, col.names = names, na.strings = ""
  )
  block$island <- factor(block$island, c("Biscoe", "Dream", "Torgersen"))
  block$sex <- factor(block$sex, c("female", "male"))
  asked_at <- proc.time()[["elapsed"]]
  answers <- model$predict_model(block)
  own <- own + proc.time()[["elapsed"]] - asked_at
  write.table(
    as.data.frame(answers), target,
    sep = ",", quote = FALSE, na = "", row.names = FALSE, col.names = first
  )
  first <- FALSE
}
close(target)
cat(proc.time()[["elapsed"]] - started_at, own)
