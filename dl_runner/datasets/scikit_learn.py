"""Small tables of scikit-learn: iris, wine, breast cancer (Fisher, 1936; UCI) and diabetes (Efron et al., 2004)."""

import importlib.util
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from dl_runner.config.types import CountInt, Fraction
from dl_runner.data.dataset import Data
from dl_runner.data.table.column_fit import Impute
from dl_runner.data.table.data import of_table
from dl_runner.data.table.read import Roles
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.errors import UserError
from dl_runner.spec import Classes, Numbers

_MEASURED = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points")
_CELL = (*_MEASURED, "symmetry", "fractal dimension")
COLUMNS = {
    "iris": ("sepal length", "sepal width", "petal length", "petal width"),
    "wine": (
        *("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids"),
        *("nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315", "proline"),
    ),
    "breast_cancer": (
        *(f"mean {name}" for name in _CELL),
        *(f"{name} error" for name in _CELL),
        *(f"worst {name}" for name in _CELL),
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}
CLASSES = {
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class 0", "class 1", "class 2"),
    "breast_cancer": ("malignant", "benign"),
}
TARGETS = {"iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis", "diabetes": "progression"}
FILES = {"iris": "iris.csv", "wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv"}


def scikit_learn(
    root: Path,
    *,
    table: Literal["iris", "wine", "breast_cancer", "diabetes"],
    targets: Literal["auto", "numbers", "classes"] = "auto",
    test: Fraction = 0.2,
    impute: Impute = "mean",
    fill: float = 0.0,
    indicator: bool = False,
    rare: CountInt = 1,
    log: tuple[str, ...] | float | None = None,
    normalize: bool = True,
    seed: int = 0,
) -> Data:
    """Columns of numbers, and a class or, for diabetes, a number; nothing to download, and Polars is not needed.

    Args:
        root: not needed.
        table: which.
        targets: what the table's own are.
        test, impute, fill, indicator, rare, log, normalize, seed: as for `dl_runner.datasets.csv.csv`.

    Raises:
        UserError: scikit-learn is not installed, or its file is missing.
    """
    values = _numbers(table)
    kind = Classes(CLASSES[table]) if table in CLASSES else Numbers(1)
    own = "classes" if table in CLASSES else "numbers"
    if targets not in ("auto", own):
        raise UserError(f"data.targets={targets}: those of {table} are {own}; use data.targets=auto")
    last = torch.from_numpy(values[:, -1].copy())
    read = Table(
        torch.from_numpy(values[:, :-1].copy()),
        torch.empty((len(values), 0), dtype=torch.int32),
        {},
        COLUMNS[table],
        last.long() if table in CLASSES else last.float()[:, None],
    )
    return of_table(
        read,
        kind,
        Format(),
        Roles(TARGETS[table]),
        test=test,
        seed=seed,
        notes=[],
        impute=impute,
        fill=fill,
        indicator=indicator,
        rare=rare,
        normalize=normalize,
        log=() if log is None else log,
    )


def _numbers(table: str) -> np.ndarray:
    """float64 (n, columns + 1), the target last. The files suffice; importing scikit-learn for them takes seconds."""
    package = importlib.util.find_spec("sklearn")
    if package is None:
        raise UserError(f"data={table}: scikit-learn brings it and is not installed; pip install scikit-learn")
    folder = Path(package.submodule_search_locations[0]) / "datasets" / "data"
    try:
        if table == "diabetes":
            inputs = np.loadtxt(folder / "diabetes_data_raw.csv.gz")
            return np.column_stack([inputs, np.loadtxt(folder / "diabetes_target.csv.gz")])
        return np.loadtxt(folder / FILES[table], delimiter=",", skiprows=1)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(
            f"{folder}: the files of {table} are missing or damaged ({error}); reinstall scikit-learn"
        ) from error
