"""Is a breast tumour malignant? From measurements of cell nuclei in a fine needle aspirate."""

import joblib
import numpy as np
import pandas as pd

# The columns travel with the model, in the order in which it was trained on them.
model, columns = joblib.load("model.joblib")


def predict(df: pd.DataFrame) -> dict[str, np.ndarray]:
    # An array, not the frame: scikit-learn takes twice as long to look at a frame.
    p = model.predict_proba(df[columns].to_numpy())
    return {
        "diagnosis": model.classes_[p.argmax(axis=1)],
        # Six decimals: beyond them, exp() differs from one kind of processor to another.
        "probability": p.max(axis=1).round(6),
    }
