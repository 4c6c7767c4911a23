"""Grid, random samples and pairs: from the values on a command line to the jobs of a sweep. Imports no torch.

Each function takes the swept keys with their values and returns the jobs, each a list of KEY=VALUE.
"""

import itertools
import math
import random
from collections.abc import Callable, Sequence

from hydra.core.override_parser.types import Override

from dl_runner.errors import UserError
from dl_runner.sweep.space import Interval, Swept, choices, interval

TRIES = 50  # draws per wanted sample, until no new ones are expected


def split(overrides: Sequence[Override]) -> tuple[dict[str, Override], list[str]]:
    """The swept overrides by key, and the fixed ones as KEY=VALUE; of a key given twice the later one counts.

    Raises:
        UserError: a setting of the sweep itself has several values.
    """
    last = {override.get_key_element(): override for override in overrides}
    swept = {key: override for key, override in last.items() if override.is_sweep_override()}
    for override in swept.values():
        if override.key_or_group.partition(".")[0] == "sweep":
            raise UserError(f"{override.input_line}: belongs to the sweep as a whole; give it one value")
    return swept, [override.input_line for key, override in last.items() if key not in swept]


def grid(swept: Swept, n: int | None, seed: int | None) -> list[list[str]]:
    """Every combination, the last key changing fastest.

    Raises:
        UserError: an interval, which has no end of values.
    """
    return [list(job) for job in itertools.product(*_listed(swept, "grid"))]


def zipped(swept: Swept, n: int | None, seed: int | None) -> list[list[str]]:
    """The first values of all keys, the second values of all keys, ….

    Raises:
        UserError: an interval, or lists of different length.
    """
    values = _listed(swept, "zip")
    if len({len(one) for one in values}) > 1:
        counts = ", ".join(f"{key} has {len(one)}" for key, one in zip(swept, values, strict=True))
        raise UserError(f"sweep=zip: pairs lists of equal length, but {counts}; sweep=grid combines them all")
    return [list(job) for job in zip(*values, strict=True)] or [[]]


def sampled(swept: Swept, n: int, seed: int) -> list[list[str]]:
    """`n` different samples, fewer where there are no more; the first ones are the same for any greater `n`.

    Raises:
        UserError: an interval that cannot be sampled.
    """
    draws = [_draw(key, override) for key, override in swept.items()]
    generator = random.Random(seed)
    found: dict[tuple[str, ...], None] = {}
    for _ in range(TRIES * n):
        found[tuple(draw(generator) for draw in draws)] = None
        if len(found) == n:
            break
    return [list(job) for job in found]


def _listed(swept: Swept, search: str) -> list[list[str]]:
    for override in swept.values():
        if override.is_interval_sweep():
            raise UserError(f"{override.input_line}: sweep={search} needs a list of values; sweep=random samples this")
    return [choices(key, override) for key, override in swept.items()]


def _draw(key: str, override: Override) -> Callable[[random.Random], str]:
    """A function that draws one KEY=VALUE."""
    found = interval(override)
    if found is None:
        listed = choices(key, override)
        return lambda generator: generator.choice(listed)
    sample = _whole if found.whole else _real
    return lambda generator: f"{key}={sample(generator, found)}"


def _real(generator: random.Random, found: Interval) -> float:
    low, high = found.low, found.high
    exact = math.exp(generator.uniform(math.log(low), math.log(high))) if found.log else generator.uniform(low, high)
    return found.readable(exact)


def _whole(generator: random.Random, found: Interval) -> int:
    """Both ends may be drawn. On a log scale each k has the share of [k, k + 1)."""
    if not found.log:
        return generator.randint(found.low, found.high)
    return min(int(math.exp(generator.uniform(math.log(found.low), math.log(found.high + 1)))), found.high)


SEARCHES: dict[str, Callable[[Swept, int | None, int | None], list[list[str]]]] = {
    "grid": grid,
    "random": sampled,
    "zip": zipped,
}
