"""Digits: 1,797 handwritten digits, 8x8 grey, that come with scikit-learn. Alpaydin and Kaynak, UCI, 1998."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import torch

from dl_runner.config.types import Fraction
from dl_runner.data.dataset import Data
from dl_runner.data.sampling import hold_out
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image

SIDE, LEVELS = 8, 16  # pixels are 0..16


def digits(root: Path, *, test: Fraction = 0.2, seed: int = 0) -> Data:
    """uint8 (n, 1, 8, 8), ten classes; nothing to download.

    Args:
        root: not needed.
        test: share held out as the test split, stratified; 0 for none.
        seed: of that choice, >= 0.

    Raises:
        UserError: scikit-learn is not installed, or its file is missing.
    """
    table = _table()
    pixels = np.rint(table[:, :-1] * (255 / LEVELS)).astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    everything = TensorSplit(torch.from_numpy(pixels), torch.from_numpy(table[:, -1].astype(np.int64)))
    spec = DataSpec(Image(1, SIDE, SIDE, (0.3053,), (0.3759,)), Classes(tuple("0123456789")), "classification")
    if test == 0:
        return Data(spec, everything)
    kept, held = hold_out(len(everything), everything.strata, test, seed, "test")
    return Data(spec, everything.subset(kept), test=everything.subset(held))


def _table() -> np.ndarray:
    """(1797, 65): 64 pixels, then the label. Importing scikit-learn for it would take seconds; its file suffices."""
    package = importlib.util.find_spec("sklearn")
    if package is None:
        raise UserError("data=digits: scikit-learn brings these data and is not installed; pip install scikit-learn")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    try:
        with gzip.open(path, "rt") as file:
            return np.loadtxt(file, delimiter=",")
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: missing or damaged ({error}); reinstall scikit-learn") from error
