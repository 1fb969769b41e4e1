"""Call the model as it stands and write what it answered to golden/.

Fails when a row's answer depends on the rows beside it.

Usage, in the model's folder (the model reads its artifact from there):
    python ../../training/breast-cancer/record_golden.py
"""

import json
import sys
import timeit
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from data import load

Predict = Callable[[pd.DataFrame], dict[str, np.ndarray]]

DATATYPES = {"f": "FP64", "U": "BYTES"}


def check_rows_are_independent(predict: Predict, df: pd.DataFrame) -> None:
    whole = predict(df)
    for size in (1, 2, 7, 64):
        answers = [predict(df.iloc[i : i + size]) for i in range(0, len(df), size)]
        for name, column in whole.items():
            blocks = np.concatenate([answer[name] for answer in answers])
            # Bytes, not ==: every bit counts.
            if blocks.astype(column.dtype).tobytes() != column.tobytes():
                raise AssertionError(f"{name} differs in blocks of {size}")
    print(f"{len(df)} rows: same bits in blocks of 1, 2, 7, 64 and whole")


def print_cost(predict: Predict, df: pd.DataFrame) -> None:
    for size in (1, 64):
        block = df.iloc[:size].reset_index(drop=True)
        seconds = (
            min(timeit.repeat(partial(predict, block), number=200, repeat=5)) / 200
        )
        print(f"{size} rows: {1e6 * seconds:.0f} us a call")


def tensors(columns: Mapping[str, np.ndarray]) -> str:
    """One tensor a line."""
    lines = []
    for name, column in columns.items():
        values = np.asarray(column)
        tensor = {
            "name": name,
            "datatype": DATATYPES[values.dtype.kind],
            "shape": list(values.shape),
            # A Python float prints as the shortest decimal that reads back as the same bits.
            "data": values.tolist(),
        }
        lines.append("      " + json.dumps(tensor, allow_nan=False))
    return ",\n".join(lines)


def record(predict: Predict, name: str, description: str, df: pd.DataFrame) -> None:
    text = f"""{{
  "description": {json.dumps(description)},
  "request": {{
    "inputs": [
{tensors(df)}
    ]
  }},
  "response": {{
    "outputs": [
{tensors(predict(df))}
    ]
  }}
}}
"""
    Path("golden", f"{name}.json").write_text(text)
    print(f"golden/{name}.json: {len(df)} rows")


def main() -> None:
    sys.path.insert(0, ".")
    start = perf_counter()
    from model import predict  # here, because importing it is what loads the artifact

    print(f"load {1000 * (perf_counter() - start):.0f} ms after numpy and pandas")

    train, held_out = load()
    everything = pd.concat([train, held_out]).drop(columns="diagnosis")
    held_out = held_out.drop(columns="diagnosis")
    check_rows_are_independent(predict, everything)
    print_cost(predict, held_out)

    record(predict, "one-row", "one tumour", held_out.iloc[:1])
    record(
        predict, "held-out", "tumours that the training did not see", held_out.iloc[1:9]
    )
    unsure = np.argsort(predict(held_out)["probability"], kind="stable")[:5]
    record(
        predict,
        "unsure",
        "the tumours about which the model is least sure",
        held_out.iloc[unsure],
    )


if __name__ == "__main__":
    main()
