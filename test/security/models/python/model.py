"""Runs the attack that it is asked for and says how it went."""

import ctypes
import os

library = ctypes.CDLL(os.path.abspath("attacks.node"))


def predict(words: str) -> str:
    result = ctypes.create_string_buffer(256)
    library.idiom_attack(words.encode(), result, len(result))
    return result.value.decode()
