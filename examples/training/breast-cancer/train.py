"""Train gradient-boosted trees on the breast cancer data that scikit-learn ships.

Usage: python train.py ../../models/breast-cancer/model.joblib
"""

import sys

import joblib
from data import load
from sklearn.ensemble import GradientBoostingClassifier


def main(artifact: str) -> None:
    train, held_out = load()
    columns = [column for column in train.columns if column != "diagnosis"]

    model = GradientBoostingClassifier(
        n_estimators=60, max_depth=3, subsample=0.8, random_state=1
    )
    model.fit(train[columns].to_numpy(), train["diagnosis"].to_numpy(dtype=str))

    guess = model.predict(held_out[columns].to_numpy())
    right = int((guess == held_out["diagnosis"]).sum())
    print(f"held-out accuracy {right / len(held_out):.3f} ({right} of {len(held_out)})")
    joblib.dump((model, columns), artifact, compress=3)


if __name__ == "__main__":
    main(sys.argv[1])
