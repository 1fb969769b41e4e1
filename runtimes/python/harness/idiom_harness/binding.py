"""How the function will be called: the convention (PROTOCOL.md, section 7), and which parameter gets which input."""

import inspect
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Optional

from .annotations import LIST, RECORD, RECORDS
from .errors import SignatureMismatch
from .hints import Function, style
from .protocol import Tensor

# Calls the function with the values of one call, in the order of the signature's inputs.
Spread = Callable[[Sequence[Any]], Any]


def choose_convention(function: Function, inputs: Sequence[Tensor], per: str, content_type: Optional[str]) -> str:
    """`row`, `frame`, `tensor` or `named`. Raises SignatureMismatch for a function that cannot be called at all."""
    call = function.call
    if inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call):
        raise SignatureMismatch(f"{function.label} is async; write it as a plain `def`")
    if inspect.isgeneratorfunction(call):
        raise SignatureMismatch(f"{function.label} is a generator, and streaming is not supported; return the result instead")
    if takes_rows(function, per):
        return "row"
    if takes_tables(function, content_type):
        return "frame"
    if len(inputs) == 1 and _takes_one(function) and record_factory(function) is None:
        return "tensor"
    return "named"


def takes_rows(function: Function, per: str) -> bool:
    """It is called with one row at a time."""
    return per == "row" or style(function) == "row"


def takes_tables(function: Function, content_type: Optional[str]) -> bool:
    """It is called with a table of all rows, unless it is called with one."""
    return content_type == "pd" or style(function) == "frame"


def bind_one(function: Function) -> Spread:
    """For `tensor` and `frame`: the function gets one value. Raises SignatureMismatch if it does not take one."""
    call = function.call
    if not _takes_one(function):
        required = ", ".join(parameter.name for parameter in function.required())
        raise SignatureMismatch(
            f"{function.label} gets one table, but it takes ({required}). Give it one parameter, or take the inputs by "
            "name: remove `content_type: pd` from model.yaml."
        )
    only = next((p for p in function.required() or function.parameters[:1]), None)
    if only is not None and not only.positional:
        return lambda values: call(**{only.name: values[0]})
    return lambda values: call(values[0])


def bind_names(function: Function, inputs: Sequence[Tensor]) -> Spread:
    """For `named` and `row`: each input goes to the parameter of its name, or all of them into one record.

    Raises SignatureMismatch if names differ.
    """
    call = function.call
    names = [spec.name for spec in inputs]
    factory = record_factory(function)
    if factory is not None and function.required()[0].name not in names:
        fields = function.required()[0].hint.fields  # type: ignore[union-attr]
        if fields and set(fields) != set(names):
            raise SignatureMismatch(_difference(function, inputs, list(fields)))
        return lambda values: call(factory(**dict(zip(names, values))))
    parameters = {parameter.name: parameter for parameter in function.parameters}
    missing = [p.name for p in function.required() if p.name not in names]
    unknown = [name for name in names if name not in parameters]
    if not function.parameters and function.takes_any_count and not function.takes_any_name:
        return lambda values: call(*values)
    if missing or (unknown and not function.takes_any_name):
        raise SignatureMismatch(_difference(function, inputs, list(parameters)))
    # By position as far as that goes: it is the faster call, and the only one for positional-only parameters.
    leading = [p.name for p in takewhile(lambda p: p.positional and p.name in names, function.parameters)]
    places = [names.index(name) for name in leading]
    others = [(name, place) for place, name in enumerate(names) if name not in leading]
    if others:
        return lambda values: call(*[values[place] for place in places], **{name: values[place] for name, place in others})
    if places == list(range(len(names))):
        return lambda values: call(*values)
    return lambda values: call(*[values[place] for place in places])


def record_factory(function: Function) -> Optional[Callable[..., Any]]:
    """What makes the record that the only parameter asks for (a dict, TypedDict, dataclass), or None."""
    required = function.required()
    if len(required) == 1 and required[0].hint is not None and required[0].hint.kind == RECORD:
        return required[0].hint.factory
    return None


def records_factory(function: Function) -> Optional[Callable[..., Any]]:
    """The same for an only parameter that is a list of records."""
    required = function.required()
    if len(required) == 1 and required[0].hint is not None and required[0].hint.kind == RECORDS:
        return required[0].hint.factory
    return None


def takes_lists(function: Function) -> bool:
    """Every parameter's type is a list: the model wants no arrays."""
    hints = [parameter.hint for parameter in function.required()]
    return bool(hints) and all(hint is not None and hint.kind == LIST for hint in hints)


def check_columns(inputs: Sequence[Tensor], convention: str) -> None:
    """In `frame` and `row` every input is a column. Raises SignatureMismatch with the line to write."""
    if not inputs:
        raise SignatureMismatch(
            f"the convention `{convention}` needs at least one input: `inputs: [{{name: ..., datatype: ..., shape: [-1]}}]`"
        )
    for spec in inputs:
        shape = spec.shape or ()
        if not (len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, -1))):
            raise SignatureMismatch(
                f"input {spec.name!r} has the shape {list(shape)}, but under the convention `{convention}` each input is a "
                f"column: `- {{name: {spec.name}, datatype: {spec.datatype}, shape: [-1]}}`"
            )


def _takes_one(function: Function) -> bool:
    required = function.required()
    if required:
        return len(required) == 1
    return function.takes_any_count or any(parameter.positional for parameter in function.parameters)


def _difference(function: Function, inputs: Sequence[Tensor], wanted: Sequence[str]) -> str:
    names = [spec.name for spec in inputs]
    datatypes = {spec.name: spec.datatype for spec in inputs}
    line = ", ".join(f"{{name: {name}, datatype: {datatypes.get(name, 'FP64')}, shape: [-1]}}" for name in wanted)
    return (
        f"{function.label} takes ({', '.join(wanted)}), the signature has the inputs ({', '.join(names)}). "
        f"Name the inputs in model.yaml as the function does: `inputs: [{line}]`"
    )
