"""Which way each metric of a run is better and how people read it, as run.json keeps it. Imports no torch."""

from collections.abc import Iterable, Mapping

# NAME → {"better": "max" or "min", "format": "fraction" or "number"}; the first one chooses the best weights.
MetricInfo = Mapping[str, Mapping[str, str]]
# Records of version 0.1.0 do not say it; these are the metrics that it had.
BEFORE: MetricInfo = {
    "accuracy": {"better": "max", "format": "fraction"},
    **{name: {"better": "min", "format": "number"} for name in ("loss", "rmse", "mae")},
}


def merged(infos: Iterable[MetricInfo]) -> MetricInfo:
    """What is known of the metrics of several runs together."""
    return {name: info for one in infos for name, info in one.items()}


def larger_is_better(key: str, info: MetricInfo) -> bool:
    """Whether more of a metric, NAME or SPLIT/NAME, is an improvement; more speed is."""
    if key.endswith(("_per_second", "examples/s")):
        return True
    return info.get(key.rpartition("/")[2], {}).get("better") == "max"


def fractions(info: MetricInfo) -> frozenset[str]:
    """The NAMEs of metrics that are fractions of 1."""
    return frozenset(name for name, one in info.items() if one.get("format") == "fraction")
