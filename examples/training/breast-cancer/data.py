"""The data, as training and golden recording both see them."""

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

COLUMNS = [
    "mean radius",
    "mean texture",
    "mean smoothness",
    "mean concavity",
    "mean concave points",
    "worst radius",
    "worst texture",
    "worst smoothness",
    "worst concave points",
]


def load() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three quarters to train on and one to test with; the column `diagnosis` is the truth."""
    cancer = load_breast_cancer(as_frame=True)
    frame = cancer.data[COLUMNS].rename(columns=lambda name: name.replace(" ", "_"))
    frame["diagnosis"] = cancer.target_names[cancer.target]
    return train_test_split(
        frame, test_size=0.25, random_state=0, stratify=frame["diagnosis"]
    )
