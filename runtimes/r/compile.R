# Makes one file of the harness, byte-compiled: Rscript compile.R FOLDER FILE, FOLDER being harness/R. R's own compiler leaves small functions as they
# are, and would compile the others anew in every instance, while it serves.

arguments <- commandArgs(trailingOnly = TRUE)
# An environment of its own, so that the global one is the model author's.
harness <- new.env(parent = baseenv())
for (source in list.files(arguments[[1L]], pattern = "[.]R$", full.names = TRUE)) {
  for (expression in parse(source, keep.source = FALSE)) {
    # 3: base functions are called as what they are.
    eval(compiler::compile(expression, harness, list(optimize = 3L)), harness)
  }
}
saveRDS(harness, arguments[[2L]])
