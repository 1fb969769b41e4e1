"""Finds and loads the author's function: the entry `file:symbol`, or what stands in its place when none is named."""

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Optional

from .errors import EntryNotFound

DEFAULT_FILE = "model.py"
DEFAULT_SYMBOL = "predict"


def find_file(folder: str, entry: Optional[str]) -> tuple[str, Optional[str]]:
    """The entry's file, relative to the folder, and its symbol where one is named. Raises EntryNotFound."""
    file, _, symbol = (entry or "").partition(":")
    file = file or DEFAULT_FILE
    if not os.path.isfile(os.path.join(folder, file)):
        found = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        scripts = [name for name in found if name.endswith(".py")]
        line = f" Name the file in model.yaml: `entry: {scripts[0]}:{DEFAULT_SYMBOL}`." if scripts else ""
        raise EntryNotFound(f"no file {file} in the model's folder; found: {', '.join(found) or 'nothing'}.{line}")
    return file, symbol or None


def load_module(folder: str, file: str) -> ModuleType:
    """Runs the file as its author would: its folder and the model's first on the path, its name without `.py` as module name.

    Whatever its top level raises passes through.
    """
    path = os.path.join(folder, file)
    sys.argv = [path]
    sys.path[:0] = list(dict.fromkeys([os.path.dirname(path), folder]))
    sys.dont_write_bytecode = True  # a version's folder is immutable
    name = os.path.splitext(os.path.basename(file))[0]
    if name in sys.modules:  # a file called as a module of the standard library must not replace it
        name = f"model_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EntryNotFound(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickles and dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def find_function(module: ModuleType, file: str, symbol: Optional[str]) -> tuple[Callable[..., Any], str]:
    """The function and the symbol's name. Raises EntryNotFound with what the file defines.

    A symbol may be dotted (`model.predict`). Without one: `predict`, else the only public function of the file.
    """
    if symbol is not None:
        target: Any = module
        for part in symbol.split("."):
            if not hasattr(target, part):
                raise EntryNotFound(f"{file} has no {symbol}; {_listing(module, file)}")
            target = getattr(target, part)
        if not callable(target):
            raise EntryNotFound(f"{symbol} in {file} is no function but a {type(target).__name__}; {_listing(module, file)}")
        return target, symbol
    target = getattr(module, DEFAULT_SYMBOL, None)
    if callable(target):
        return target, DEFAULT_SYMBOL
    public = _public_functions(module)
    if len(public) == 1:
        return getattr(module, public[0]), public[0]
    raise EntryNotFound(f"{file} has no function {DEFAULT_SYMBOL}; {_listing(module, file)}")


def _public_functions(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]


def _listing(module: ModuleType, file: str) -> str:
    public = _public_functions(module)
    if not public:
        return f"found no functions. Define one in {file}: `def {DEFAULT_SYMBOL}(...)`."
    return f"found: {', '.join(public)}. Name one in model.yaml: `entry: {file}:{public[0]}`."
