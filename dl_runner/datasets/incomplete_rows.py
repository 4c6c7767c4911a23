"""A table with a known answer whose numbers are missing by chance, or the more often the larger they are."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from dl_runner.config.types import Fraction, NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.table.column_fit import ColumnFit, Impute
from dl_runner.data.table.read import Roles
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.spec import Columns, DataSpec, Numbers

NAMES = ("income", "debt", "age")


def incomplete_rows(
    root: Path,
    *,
    why: Literal["chance", "large"] = "chance",
    share: Fraction = 0.3,
    noise: NonNegative = 0.2,
    examples: PositiveInt = 1000,
    test_examples: PositiveInt = 2000,
    impute: Impute = "mean",
    fill: float = 0.0,
    indicator: bool = False,
    normalize: bool = True,
    seed: int = 0,
) -> Data:
    """Three columns, y = income + debt − age + noise; incomes and debts are skewed, and missing in training and test.

    Args:
        root: not needed.
        why: incomes and debts are missing by "chance" with a probability of `share`, or where they are "large", those
            above the quantile 1 − `share`, nine times out of ten, and other ones never.
        share: about how many are missing.
        noise: standard deviation.
        examples: for training and validation.
        test_examples: for the test split; the same ones whatever `examples` is.
        impute, fill, indicator, normalize: as for `dl_runner.data.table.column_fit.ColumnFit`.
        seed: >= 0.
    """

    def draw(count: int, stream: int) -> Table:
        random = np.random.default_rng([seed, stream])
        values = np.concatenate([random.lognormal(0, 0.75, (count, 2)), random.standard_normal((count, 1))], 1)
        targets = values @ [1.0, 1.0, -1.0] + noise * random.standard_normal(count)
        skewed, chance = values[:, :2], random.random((count, 2))
        missing = chance < share
        if why == "large":
            missing = (skewed > np.quantile(skewed, 1 - share, axis=0)) & (chance < 0.9)
        skewed[missing] = np.nan
        codes = torch.empty(count, 0, dtype=torch.int32)
        answers = torch.from_numpy(targets).to(torch.get_default_dtype())[:, None]
        return Table(torch.from_numpy(values), codes, {}, NAMES, answers)

    spec = DataSpec(Columns(NAMES), Numbers(1), "regression")
    fit = ColumnFit(spec, Format(), Roles("y"), impute=impute, fill=fill, indicator=indicator, normalize=normalize)
    return Data(spec, draw(examples, 1), test=draw(test_examples, 2), fit=fit)
