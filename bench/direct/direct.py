"""Call a Python model's predict(df) directly, request by request."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def read_column(folder: Path, name: str, kind: str) -> np.ndarray | list[str]:
    if kind == "txt":
        return (folder / f"{name}.txt").read_text().split("\n")[:-1]
    return np.fromfile(folder / f"{name}.{kind}", dtype={"f64": "<f8", "i32": "<i4"}[kind])


def write_column(folder: Path, name: str, values: np.ndarray) -> None:
    if values.dtype.kind == "f":
        values.astype("<f8").tofile(folder / f"{name}.f64")
    else:
        (folder / f"{name}.txt").write_text("".join(f"{value}\n" for value in values))


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from model import predict

    data = Path(sys.argv[2])
    inputs = json.loads((data / "inputs.json").read_text())
    table = pd.DataFrame({i["name"]: read_column(data, i["name"], i["kind"]) for i in inputs})
    ends = np.cumsum(np.fromfile(data / "sizes.i32", dtype="<i4"))
    starts = np.concatenate([[0], ends[:-1]])
    answers = [
        predict(table.iloc[start:end].reset_index(drop=True))
        for start, end in zip(starts, ends, strict=True)
    ]
    for name in answers[0]:
        write_column(data / "out", name, np.concatenate([np.asarray(a[name]) for a in answers]))


if __name__ == "__main__":
    main()
