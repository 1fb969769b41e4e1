"""Write data/wine.csv from the copy of the UCI wine data that scikit-learn ships.

Run once; the CSV is committed, so that training the Java model needs no Python.
"""

from pathlib import Path

from sklearn.datasets import load_wine

SOURCE = "UCI Machine Learning Repository, Wine (Forina et al. 1991), as shipped with scikit-learn"

# The three cultivars have no names in the data; these stay close to its class_0, class_1, class_2.
CULTIVARS = ["cultivar_1", "cultivar_2", "cultivar_3"]


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def main() -> None:
    wine = load_wine(as_frame=True)
    names = {"od280/od315_of_diluted_wines": "od280_od315"}
    # Camel case, because the columns become the components of a Java record.
    frame = wine.data.rename(columns=names).rename(columns=camel_case)
    frame["cultivar"] = [CULTIVARS[target] for target in wine.target]
    path = Path(__file__).parent / "data" / "wine.csv"
    path.write_text(f"# {SOURCE}\n" + frame.to_csv(index=False))
    print(f"{path.name}: {len(frame)} rows")


if __name__ == "__main__":
    main()
