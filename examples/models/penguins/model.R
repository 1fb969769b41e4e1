# Which species a penguin is, from what a field worker notes down.
# Column order does not matter: the forest looks its columns up by name.

library(randomForest)

m <- readRDS("model.rds")

predict_model <- function(df) {
  # A bird with a missing measurement gets no answer (NaN and NA) rather than a
  # guess: filled-in medians would look exactly as sure as measured values do.
  complete <- complete.cases(df)
  p <- matrix(NaN, nrow(df), length(m$classes))
  if (any(complete)) {
    p[complete, ] <- predict(m, df[complete, ], type = "prob")
  }

  # Not type = "response": that breaks ties between species at random, so the
  # same bird could get two answers.
  species <- rep(NA_character_, nrow(df))
  best <- max.col(p[complete, , drop = FALSE], ties.method = "first")
  species[complete] <- m$classes[best]

  list(species = species, adelie = p[, 1], chinstrap = p[, 2], gentoo = p[, 3])
}
