// The library for Java: the native method of its model.
#include "attacks.h"

#include <jni.h>

JNIEXPORT jstring JNICALL Java_Model_attack(JNIEnv *env, jclass type, jstring words) {
  char result[RESULT_SIZE];
  const char *text = (*env)->GetStringUTFChars(env, words, NULL);
  idiom_attack(text, result, RESULT_SIZE);
  (*env)->ReleaseStringUTFChars(env, words, text);
  return (*env)->NewStringUTF(env, result);
}
