enum { RESULT_SIZE = 256 };

// `words`: the attack's name, a space, its target. `result`: "succeeded", or the name of an errno.
void idiom_attack(const char *words, char *result, int size);
