"""The fastest variant of the bare loop for a model on this machine."""

from collections.abc import Callable
from typing import Any

from benchmark.environment import Environment
from benchmark.measure import Figures
from benchmark.process import ArmFailed

Variant = dict[str, Any]
Probe = dict[str, Any]  # {"variant", and "examples_per_second" or "error"}
GAIN = 1.02  # less is noise, and the plainer variant is kept


def plain(here: Environment) -> Variant:
    """fp32 with PyTorch's defaults and as many threads as dlrun."""
    choices = {"precision": "fp32", "channels_last": False, "data": "float", "optimizer": "default"}
    return choices | {"threads": here.threads}


def probe(measure: Callable[[Variant, float | None], Figures], here: Environment) -> list[Probe]:
    """Change one choice after the other and keep what is faster: first all that compute in fp32, then other precisions.

    Args:
        measure: runs a variant, for at most so many seconds.
        here: what there is to choose from.

    Returns:
        Every variant tried, in order, the first being the plain one.

    Raises:
        ArmFailed: the plain variant did not run.
    """
    tried: list[Probe] = []
    best = plain(here)
    figures = measure(best, None)
    rate, patience = figures["examples_per_second"], 20 + 3 * figures["seconds"]
    tried.append({"variant": best, "examples_per_second": rate})

    def attempt(**changes: Any) -> None:
        nonlocal best, rate
        variant = best | changes
        if variant in [one["variant"] for one in tried]:
            return
        try:
            found = measure(variant, patience)["examples_per_second"]
        except ArmFailed as error:
            tried.append({"variant": variant, "error": str(error)})
            return
        tried.append({"variant": variant, "examples_per_second": found})
        if found > GAIN * rate:
            best, rate = variant, found

    if here.threads > 1 and not here.cuda:
        attempt(threads=1)
    attempt(channels_last=True)
    attempt(data="uint8")
    attempt(optimizer="fused")
    layout = best["channels_last"]
    if here.cuda:
        attempt(precision="tf32")
    attempt(precision="bf16")
    attempt(precision="bf16", channels_last=not layout)
    return tried


def fastest(tried: list[Probe], *, fp32: bool = False) -> Probe:
    """The best of the variants tried, or of those that compute in fp32; of nearly equal ones the one tried first."""
    found = tried[0]
    for one in tried[1:]:
        if fp32 and one["variant"]["precision"] != "fp32":
            continue
        if one.get("examples_per_second", 0) > GAIN * found["examples_per_second"]:
            found = one
    return found
