"""Write data/diabetes.csv from the copy of the diabetes data that scikit-learn ships.

Run once; the CSV is committed, so that training the Node model needs no Python.
"""

from pathlib import Path

from sklearn.datasets import load_diabetes

SOURCE = "Efron, Hastie, Johnstone, Tibshirani: Least Angle Regression (2004), as shipped with scikit-learn"

# s1 to s6 are blood serum measurements; the names say which.
NAMES = {"s1": "tc", "s2": "ldl", "s3": "hdl", "s4": "tch", "s5": "ltg", "s6": "glu"}


def main() -> None:
    # scaled=False: years, kg/m2 and mmHg, as a doctor would type them.
    diabetes = load_diabetes(as_frame=True, scaled=False)
    frame = diabetes.data.rename(columns=NAMES).astype({"age": int, "sex": int})
    frame["progression"] = diabetes.target.astype(int)
    path = Path(__file__).parent / "data" / "diabetes.csv"
    path.write_text(f"# {SOURCE}\n" + frame.to_csv(index=False))
    print(f"{path.name}: {len(frame)} rows")


if __name__ == "__main__":
    main()
