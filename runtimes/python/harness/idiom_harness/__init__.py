"""Idiom's Python harness: loads one model and calls it for the host, in the words of proto/harness/v1/PROTOCOL.md."""
