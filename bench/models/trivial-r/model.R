predict_model <- function(x) x[, 1:3, drop = FALSE] * 2
