"""Shared by the tests. All of them run, from the repository's root and with a model environment's interpreter, by

    .idiom/environments/python/bin/python3 -m unittest discover runtimes/python/tests

Any Python from 3.9 on will do; without numpy or pandas the tests of arrays or frames are skipped.
"""

import importlib.util
import json
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

RUNTIME = Path(__file__).resolve().parent.parent
REPOSITORY = RUNTIME.parent.parent
VECTORS = REPOSITORY / "proto" / "harness" / "v1" / "vectors"
FIXTURES = REPOSITORY / "test" / "fixtures" / "models"

sys.path.insert(0, str(RUNTIME / "harness"))

from harness_process import HarnessProcess  # noqa: E402

needs_numpy = unittest.skipUnless(importlib.util.find_spec("numpy"), "needs numpy")
needs_pandas = unittest.skipUnless(importlib.util.find_spec("pandas"), "needs pandas")


def vectors(name: str) -> Any:
    """A file of the protocol's vectors."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


class HarnessTestCase(unittest.TestCase):
    """Starts harness processes for models written on the spot; ends them with the test."""

    def model(self, source: str, **files: str) -> Path:
        """A model folder with this `model.py`, and further files by name (`__` for the dot)."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in {"model__py": source, **files}.items():
            (Path(folder.name) / name.replace("__", ".")).write_text(textwrap.dedent(text), encoding="utf-8")
        return Path(folder.name).resolve()

    def harness(self, model: Any, **files: str) -> HarnessProcess:
        """A harness for a folder, or for the source of a `model.py`."""
        folder = model if isinstance(model, Path) else self.model(model, **files)
        process = HarnessProcess(folder)
        process.__enter__()
        self.addCleanup(process.__exit__)
        return process
