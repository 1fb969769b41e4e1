"""frames.json and the framing part of invalid.json, against the decoder and the encoder themselves."""

import json
import unittest
from typing import Any

from support import vectors

from idiom_harness.framing import HEADER, READ_SIZE, FrameDecoder, json_frame, parse_json
from idiom_harness.protocol import (
    CONTENT_TYPE_CODES,
    CONTENT_TYPES,
    DATATYPE_CODES,
    DATATYPES,
    FRAME_NAMES,
    INFER,
    PING,
    RESULT,
    ProtocolViolation,
)
from idiom_harness.tensor_body import TensorPlace, build_header, errors_block, parse_body

FRAMES = vectors("frames.json")
CASES = FRAMES["cases"] + vectors("forks.json")["cases"]
CODES = {name: code for code, name in FRAME_NAMES.items()}


def decode(chunks: list[bytes]) -> list[tuple[int, int, bytearray]]:
    """All frames of a stream that arrives in these chunks."""
    decoder = FrameDecoder(FRAMES["max_frame"])
    frames = []
    for chunk in chunks:
        while chunk:
            space = decoder.space()
            count = min(len(space), len(chunk))
            space[:count] = chunk[:count]
            decoder.received(count)
            chunk = chunk[count:]
            while (frame := decoder.next_frame()) is not None:
                frames.append(frame)
    return frames


def described(frame: tuple[int, int, bytearray]) -> dict[str, Any]:
    """A frame in the vectors' words."""
    frame_type, frame_id, body = frame
    head = {"type": FRAME_NAMES[frame_type], "id": str(frame_id)}
    if frame_type not in (INFER, RESULT):
        return {**head, "json": parse_json(body)}
    parsed = parse_body(body)
    tensors = [
        {
            "index": place.index,
            "datatype": DATATYPES[place.datatype],
            "content_type": CONTENT_TYPES[place.content_type],
            "shape": list(place.shape),
            "data": body[place.offset : place.offset + place.size].hex(),
        }
        for place in parsed.places
    ]
    block = bytes(body[parsed.end :]).lstrip(b"\0")
    errors = json.loads(block)["errors"] if block else None
    return {**head, "tensors": {"segments": list(parsed.segments), "tensors": tensors, "errors": errors}}


def encoded(frame: dict[str, Any]) -> bytes:
    """The bytes of a frame in the vectors' words."""
    if "json" in frame:
        return json_frame(CODES[frame["type"]], int(frame["id"]), frame["json"])
    tensors = frame["tensors"]
    block = errors_block(tensors["errors"]) if tensors["errors"] else b""
    places, data = [], b""
    for tensor in tensors["tensors"]:
        data += bytes(-len(data) % 8) + bytes.fromhex(tensor["data"])
        codes = DATATYPE_CODES[tensor["datatype"]], CONTENT_TYPE_CODES[tensor["content_type"]]
        places.append(TensorPlace(tensor["index"], *codes, tuple(tensor["shape"]), 0, len(tensor["data"]) // 2))
    if block:
        data += bytes(-len(data) % 8) + block
    body = build_header(tensors["segments"], places, len(block)) + data
    return HEADER.pack(len(body), CODES[frame["type"]], 0, 0, int(frame["id"])) + body


class FramesTest(unittest.TestCase):
    def test_decodes_every_vector(self) -> None:
        for case in CASES:
            with self.subTest(case["name"]):
                frames = decode([bytes.fromhex(chunk) for chunk in case["chunks"]])
                self.assertEqual([described(frame) for frame in frames], case["frames"])

    def test_encodes_every_vector(self) -> None:
        for case in CASES:
            if not case.get("encode", True):
                continue
            with self.subTest(case["name"]):
                stream = b"".join(bytes.fromhex(chunk) for chunk in case["chunks"])
                for (frame_type, frame_id, body), frame in zip(decode([stream]), case["frames"]):
                    if "json" in frame:
                        self.assertEqual(described(decode([encoded(frame)])[0]), frame)
                    else:
                        self.assertEqual(encoded(frame), HEADER.pack(len(body), frame_type, 0, 0, frame_id) + body)

    def test_a_body_beyond_the_read_buffer_arrives_whole(self) -> None:
        text = json.dumps({"text": "x" * (2 * READ_SIZE)}).encode()
        stream = HEADER.pack(len(text), PING, 0, 0, 1) + text + HEADER.pack(2, PING, 0, 0, 2) + b"{}"
        for step in (len(stream), READ_SIZE - 1, 4099):
            with self.subTest(step=step):
                frames = decode([stream[at : at + step] for at in range(0, len(stream), step)])
                self.assertEqual([(kind, frame_id) for kind, frame_id, _ in frames], [(PING, 1), (PING, 2)])
                self.assertEqual(bytes(frames[0][2]), text)

    def test_frames_that_wrap_around_the_read_buffer_keep_their_bytes(self) -> None:
        bodies = [bytes([i]) * (READ_SIZE // 3 + i) for i in range(10)]
        stream = b"".join(HEADER.pack(len(body), INFER, 0, 0, i + 1) + body for i, body in enumerate(bodies))
        frames = decode([stream[at : at + 50000] for at in range(0, len(stream), 50000)])
        self.assertEqual([bytes(body) for _, _, body in frames], bodies)

    def test_a_violation_is_found_before_the_body_is_read(self) -> None:
        for case in vectors("invalid.json")["violations"]:
            stream = bytes.fromhex(case["stream"])
            length, frame_type, *_ = HEADER.unpack_from(stream)
            if length > FRAMES["max_frame"] or frame_type not in FRAME_NAMES:
                with self.subTest(case["name"]), self.assertRaises(ProtocolViolation):
                    decode([stream[: HEADER.size]])


if __name__ == "__main__":
    unittest.main()
