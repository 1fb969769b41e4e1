// The library for Python, which calls idiom_attack itself, and for R.
#include "attacks.h"

void idiom_attack_r(char **words, char **result) { idiom_attack(words[0], result[0], RESULT_SIZE); }
