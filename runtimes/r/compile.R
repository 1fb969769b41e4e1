# Makes one file of the harness, byte-compiled: Rscript compile.R FOLDER FILE, FOLDER being harness/R. R's own compiler
# leaves small functions as they are, and would compile the others anew in every instance, while it serves.

arguments <- commandArgs(trailingOnly = TRUE)
# An environment of its own, so that the global one is the model author's.
harness <- new.env(parent = baseenv())
for (source in list.files(arguments[[1L]], pattern = "[.]R$", full.names = TRUE)) {
  for (expression in parse(source, keep.source = FALSE)) {
    # 3: only then are base's functions inlined outside a namespace, so none of them may have another meaning here.
    eval(compiler::compile(expression, harness, list(optimize = 3L)), harness)
  }
}
# R has `%||%` of its own from 4.4 on, and inlines it nowhere.
redefined <- setdiff(intersect(ls(harness, all.names = TRUE), ls(baseenv(), all.names = TRUE)), "%||%")
if (length(redefined) > 0L) stop("base has functions of these names: ", paste(redefined, collapse = ", "))
# What is inlined are the internals of this very R.
harness$COMPILED_BY <- R.version.string
saveRDS(harness, arguments[[2L]])
