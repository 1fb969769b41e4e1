"""What the loaded code says of its own signature: the function's types, and the names that a fitted model remembers."""

import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple, Optional

from .annotations import ARRAY, FRAME, LIST, RECORD, RECORDS, SCALAR, Hint, resolved, understand
from .protocol import Tensor

# The name of a single result, which has none in the code.
SINGLE_OUTPUT = "output"


class Parameter(NamedTuple):
    """A parameter of the author's function that an input may bind to."""

    name: str
    required: bool
    positional: bool
    hint: Optional[Hint]


class Function(NamedTuple):
    """The author's function and its signature."""

    call: Callable[..., Any]
    label: str
    parameters: list[Parameter]
    takes_any_name: bool
    takes_any_count: bool
    result: Optional[Hint]

    def required(self) -> list[Parameter]:
        """The parameters without a default."""
        return [parameter for parameter in self.parameters if parameter.required]


def read_function(call: Callable[..., Any], label: str) -> Function:
    """Reads names and annotations; a builtin that has none is taken for a function of one parameter."""
    try:
        signature = inspect.signature(call)
    except (ValueError, TypeError):
        return Function(call, label, [], False, True, None)
    # Of an object that is called like a function, the types stand at its class's method.
    types = resolved(call if hasattr(call, "__annotations__") else type(call).__call__)
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            hint = understand(types[parameter.name]) if parameter.name in types else None
            positional = parameter.kind is not parameter.KEYWORD_ONLY
            parameters.append(Parameter(parameter.name, parameter.default is parameter.empty, positional, hint))
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    result = understand(types["return"]) if "return" in types else None
    return Function(
        call,
        label,
        parameters,
        inspect.Parameter.VAR_KEYWORD in kinds,
        inspect.Parameter.VAR_POSITIONAL in kinds,
        result,
    )


def style(function: Function) -> Optional[str]:
    """What the types of the required parameters say about calling: `row`, `frame`, or None."""
    hints = [parameter.hint for parameter in function.required()]
    if len(hints) == 1 and hints[0] is not None:
        if hints[0].kind in (FRAME, RECORDS):
            return "frame"
        if hints[0].is_row():
            return "row"
    if hints and all(hint is not None and hint.kind == SCALAR for hint in hints):
        return "row"
    return None


def input_hints(function: Function) -> Optional[list[Tensor]]:
    """The inputs that the author's types name; None if they name none. Parameters with a default are not asked for."""
    required = function.required()
    if len(required) == 1 and required[0].hint is not None and required[0].hint.kind in (FRAME, RECORD, RECORDS):
        return _fields(required[0].hint)
    if not any(parameter.hint for parameter in required):
        return None
    # The only array is bound whatever its name, and an array's type knows no shape: it would only contradict.
    if len(required) == 1 and required[0].hint is not None and required[0].hint.kind == ARRAY:
        return None
    return [p.hint.tensor(p.name) if p.hint else Tensor(p.name) for p in required]


def output_hints(function: Function) -> Optional[list[Tensor]]:
    """The outputs that the return type names; a single result is called `output`."""
    result = function.result
    if result is None:
        return None
    if result.kind in (RECORD, RECORDS):
        return _fields(result)
    if result.kind not in (SCALAR, ARRAY, LIST) or result.datatype is None:
        return None
    tensor = result.tensor(SINGLE_OUTPUT)
    if style(function) == "row" and result.kind == LIST and tensor.shape is not None:
        tensor = tensor._replace(shape=(-1, *tensor.shape))  # each row gives a list
    return [tensor]


def artifact_names(module: ModuleType, function: Function, content_type: Optional[str]) -> Optional[list[Tensor]]:
    """The feature names of the fitted estimators at the module's top level, if they agree.

    Only for a function that takes a table: of any other, features are not the inputs.
    """
    if content_type != "pd" and style(function) != "frame":
        return None
    found = {names for names in map(_feature_names, list(vars(module).values())) if names}
    return [Tensor(name) for name in found.pop()] if len(found) == 1 else None


def _fields(record: Hint) -> Optional[list[Tensor]]:
    if not record.fields:
        return None
    return [hint.tensor(name) if hint else Tensor(name) for name, hint in record.fields.items()]


def _feature_names(value: Any) -> Optional[tuple[str, ...]]:
    if isinstance(value, (type, ModuleType)) or callable(value):
        return None
    try:
        names: Iterable[Any] = value.feature_names_in_
        listed = tuple(names)
    except Exception:  # a property of someone else's class may raise anything
        return None
    return tuple(map(str, listed)) if all(isinstance(name, str) for name in listed) else None
