"""The `sweep` group of the config. Imports no torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dl_runner.checks import CountInt, PositiveInt
from dl_runner.errors import UserError, hint
from dl_runner.schema import section
from dl_runner.sweep.search import SEARCHES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the jobs are found, and how they are run; the comments in conf/sweep/ say what each key means.

    Args:
        job: the identity of the job that this config is for, None for the sweep as a whole.
        n: samples, of a search that samples.
        seed: of the samples.
    """

    search: str
    name: str
    retries: CountInt
    fail_fast: bool
    job: str | None
    n: PositiveInt | None = None
    seed: CountInt | None = None


def check(values: Mapping[str, Any]) -> Settings:
    """The settings from the plain `sweep` section.

    Raises:
        UserError: names the key that is wrong.
    """
    name = str(values.get("name"))  # a name such as 2026 or 1e3 is one, too
    settings = section(Settings, {**values, "name": name}, "sweep")
    if settings.search not in SEARCHES:
        raise UserError(f"sweep.search={settings.search}: no such search{hint(settings.search, SEARCHES)}")
    if not re.fullmatch(r"[\w=+-][\w=.,+-]*", settings.name):
        raise UserError(
            f"sweep.name={settings.name}: names a folder, so letters, digits and . , = + - _ only; "
            "outputs=DIR chooses where it lies"
        )
    return settings
