"""The protocol's vocabulary (PROTOCOL.md, sections 2 to 6): codes, limits, the signature's tensors. No behaviour."""

from typing import Any, NamedTuple, Optional

VERSION = 1
DEFAULT_MAX_FRAME = 64 * 1024 * 1024
MAX_WORD = 0x7FFFFFFF
EXIT_VIOLATION = 70

HELLO = 0x01
INIT = 0x02
LOADED = 0x03
BIND = 0x04
READY = 0x05
FAILED = 0x06
LOG = 0x07
CANCEL = 0x08
PING = 0x09
PONG = 0x0A
DRAIN = 0x0B
BYE = 0x0C
INFER = 0x10
RESULT = 0x11
ERROR = 0x12
FORK = 0x20
FORKED = 0x21
TAKEN = 0x22
EXITED = 0x23

FRAME_NAMES = {
    HELLO: "HELLO",
    INIT: "INIT",
    LOADED: "LOADED",
    BIND: "BIND",
    READY: "READY",
    FAILED: "FAILED",
    LOG: "LOG",
    CANCEL: "CANCEL",
    PING: "PING",
    PONG: "PONG",
    DRAIN: "DRAIN",
    BYE: "BYE",
    INFER: "INFER",
    RESULT: "RESULT",
    ERROR: "ERROR",
    FORK: "FORK",
    FORKED: "FORKED",
    TAKEN: "TAKEN",
    EXITED: "EXITED",
}

DATATYPE_CODES = {
    "BOOL": 1,
    "UINT8": 2,
    "UINT16": 3,
    "UINT32": 4,
    "UINT64": 5,
    "INT8": 6,
    "INT16": 7,
    "INT32": 8,
    "INT64": 9,
    "FP16": 10,
    "FP32": 11,
    "FP64": 12,
    "BYTES": 13,
    "BF16": 14,
}
DATATYPES = {code: name for name, code in DATATYPE_CODES.items()}

# Bytes of one element by data type code; BYTES has no fixed size.
ELEMENT_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 2, 11: 4, 12: 8, 14: 2}

CONTENT_TYPE_CODES = {None: 0, "np": 1, "pd": 2, "str": 3, "base64": 4, "datetime": 5}
CONTENT_TYPES = {code: name for name, code in CONTENT_TYPE_CODES.items()}

FLOATS = frozenset({"FP16", "FP32", "FP64"})


class ProtocolViolation(Exception):
    """What the peer sent cannot be trusted; the harness says why and exits with EXIT_VIOLATION."""


class Tensor(NamedTuple):
    """One input or output of the signature. In hints every field but the name may be None."""

    name: str
    datatype: Optional[str] = None
    shape: Optional[tuple[int, ...]] = None
    content_type: Optional[str] = None
    na: Any = None
    levels: Optional[list[str]] = None

    def to_json(self) -> dict[str, Any]:
        """The tensor as LOADED carries it."""
        return self._asdict()

    @classmethod
    def from_json(cls, json: Any) -> "Tensor":
        """A complete tensor of BIND; ProtocolViolation if it is none."""
        try:
            datatype, shape, na = json["datatype"], tuple(json["shape"]), json.get("na")
            # A host that keeps 64-bit integers out of JSON numbers writes them as decimal text.
            if isinstance(na, str) and datatype not in ("BYTES", "BOOL"):
                na = float(na) if datatype in FLOATS else int(na)
            tensor = cls(str(json["name"]), datatype, shape, json.get("content_type"), na, json.get("levels"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProtocolViolation(f"no tensor of a signature: {json!r}") from error
        if datatype not in DATATYPE_CODES or not all(isinstance(dimension, int) and dimension >= -1 for dimension in shape):
            raise ProtocolViolation(f"no tensor of a signature: {json!r}")
        return tensor


def with_content_type(spec: Tensor, model_content_type: Optional[str]) -> Tensor:
    """An input of a model whose own content type is `str`, `base64` or `datetime`: that of its BYTES that say nothing else."""
    if spec.datatype == "BYTES" and spec.content_type is None and model_content_type in ("str", "base64", "datetime"):
        return spec._replace(content_type=model_content_type)
    return spec
