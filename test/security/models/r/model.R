# Runs the attack that it is asked for and says how it went.
dyn.load("attacks.node")

predict_model <- function(words) {
  .C("idiom_attack_r", words, result = strrep(" ", 255))$result
}
