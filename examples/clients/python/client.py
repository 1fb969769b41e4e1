"""Ask the R model `penguins` which species three penguins are.

The client is Triton's, unmodified: Idiom speaks the same protocol.

Usage: python client.py [--url localhost:8001]
"""

import argparse
import os

import numpy as np
import tritonclient.grpc as triton

PENGUINS = {
    "island": ["Torgersen", "Biscoe", "Dream"],
    "bill_length_mm": [39.1, 47.8, np.nan],  # nobody measured the third one's bill
    "bill_depth_mm": [18.7, 15.0, np.nan],
    "flipper_length_mm": [181.0, 215.0, 193.0],
    "body_mass_g": [3750.0, 5650.0, 3800.0],
    "sex": ["male", "male", ""],  # "" is NA, as the model's signature says
}


def to_input(name: str, values: list) -> triton.InferInput:
    text = isinstance(values[0], str)
    array = np.array(values, dtype=np.object_ if text else np.float64)
    tensor = triton.InferInput(name, array.shape, "BYTES" if text else "FP64")
    tensor.set_data_from_numpy(array)
    return tensor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="localhost:8001")
    url = parser.parse_args().url

    # A server for more than this machine asks for a key.
    key = os.environ.get("IDIOM_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}

    inputs = [to_input(name, values) for name, values in PENGUINS.items()]
    with triton.InferenceServerClient(url) as client:
        result = client.infer("penguins", inputs, headers=headers, client_timeout=10)

    columns = ("species", "adelie", "chinstrap", "gentoo")
    for species, *p in zip(*map(result.as_numpy, columns), strict=True):
        print(f"{species.decode():<10} {max(p):.2f}" if species else "no answer")


if __name__ == "__main__":
    main()
