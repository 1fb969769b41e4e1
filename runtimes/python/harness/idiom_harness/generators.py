"""Random number generators that were made before a fork: each fork draws numbers of its own."""

import contextlib
import gc
import sys
from typing import Any


class Generators:
    """Those of this process: found once, since the search touches every object, and renewed in each fork."""

    def __init__(self) -> None:
        classes = (
            _attribute("random", "Random"),
            _attribute("numpy.random", "BitGenerator"),
            _attribute("numpy.random", "RandomState"),
        )
        kinds = tuple(kind for kind in classes if isinstance(kind, type))
        # type() and not isinstance(): that asks the object, which may be the author's code.
        self._found = [thing for thing in gc.get_objects() if issubclass(type(thing), kinds)]

    def renew(self) -> None:
        """With new entropy, whatever they were seeded with."""
        for thing in (*self._found, sys.modules.get("torch")):
            with contextlib.suppress(Exception):  # a class or a module of the author's, with another seed()
                if hasattr(thing, "seed"):
                    thing.seed()
                else:
                    thing.state = type(thing)().state  # type: ignore[union-attr]


def _attribute(module: str, name: str) -> Any:
    """None where the module is not loaded, or is the author's own of this name."""
    return getattr(sys.modules.get(module), name, None)
