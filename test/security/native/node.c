// The library for Node: a module that is the function.
#include "attacks.h"

#include <node_api.h>

enum { WORDS_SIZE = 4096 };

static napi_value attack(napi_env env, napi_callback_info info) {
  napi_value words, answer;
  size_t count = 1;
  char text[WORDS_SIZE], result[RESULT_SIZE];
  napi_get_cb_info(env, info, &count, &words, NULL, NULL);
  napi_get_value_string_utf8(env, words, text, WORDS_SIZE, NULL);
  idiom_attack(text, result, RESULT_SIZE);
  napi_create_string_utf8(env, result, NAPI_AUTO_LENGTH, &answer);
  return answer;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "attack", NAPI_AUTO_LENGTH, attack, NULL, &function);
  return function;
}
