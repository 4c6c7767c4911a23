"""The `sweep` group of the config. Imports no torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dl_runner.config.schema import section
from dl_runner.config.types import CountInt, PositiveInt
from dl_runner.errors import UserError, hint
from dl_runner.sweep.search import SEARCHES

ADAPTIVE = "optuna"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the jobs are found, and how they are run; the comments in conf/sweep/ say what each key means.

    Args:
        job: the identity of the job that this config is for, None for the sweep as a whole.
        n: number of samples or trials.
        seed: of the samples.
        metric: validation/NAME to optimize, None for the one that chooses the weights; this and the rest are for an
            adaptive search.
    """

    search: str
    name: str
    retries: CountInt
    fail_fast: bool
    job: str | None
    check: bool = True
    n: PositiveInt | None = None
    seed: CountInt | None = None
    metric: str | None = None
    direction: Literal["maximize", "minimize"] | None = None
    pruning: bool = False
    parallel: PositiveInt = 1
    storage: str = "sqlite"

    @property
    def adaptive(self) -> bool:
        """Whether a job depends on the results of others."""
        return self.search == ADAPTIVE


def check(values: Mapping[str, Any]) -> Settings:
    """The settings from the plain `sweep` section.

    Raises:
        UserError: names the key that is wrong.
    """
    name = str(values.get("name"))  # YAML reads a name such as 2026 as a number
    settings = section(Settings, {**values, "name": name}, "sweep")
    if settings.search not in (*SEARCHES, ADAPTIVE):
        raise UserError(f"sweep.search={settings.search}: no such search{hint(settings.search, (*SEARCHES, ADAPTIVE))}")
    if settings.metric is not None and not re.fullmatch(r"validation/\w+", settings.metric):
        raise UserError(
            f"sweep.metric={settings.metric}: expected validation/NAME, such as validation/accuracy; neither the "
            "training data nor the test data may choose"
        )
    if not re.fullmatch(r"[\w=+-][\w=.,+-]*", settings.name):
        raise UserError(
            f"sweep.name={settings.name}: names a folder, so letters, digits and . , = + - _ only; "
            "outputs=DIR chooses where it lies"
        )
    return settings
