import numpy as np


def predict(x: np.ndarray) -> np.ndarray:
    return x[:, :3] * np.float32(2)
