"""Values of the config that are more than a number or a text, each read by its `parse`. Imports no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class NormalizationConfig:
    """What is subtracted from the inputs, and what they are divided by afterwards, in place of the data's own numbers.

    Args:
        mean, std: one number, or one for each channel of images, in units of 0..1; std > 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    expects = "true, false, or numbers as in {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}"

    @classmethod
    def parse(cls, value: Any) -> "NormalizationConfig":
        """Read the two numbers, or lists of them.

        Raises:
            ValueError: they are no such numbers.
        """
        if not isinstance(value, Mapping) or set(value) != {"mean", "std"}:
            raise ValueError(f"{value!r} is not {cls.expects}")
        mean, std = (value[key] if isinstance(value[key], list | tuple) else [value[key]] for key in ("mean", "std"))
        numbers = [
            isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in mean + std
        ]
        if not mean or len(mean) != len(std) or not all(numbers) or min(std) <= 0:
            raise ValueError(f"{value!r} is not {cls.expects}")
        return cls(tuple(map(float, mean)), tuple(map(float, std)))


@dataclass(frozen=True)
class PretrainedConfig:
    """Weights to begin with.

    Args:
        source: a run folder, a file, or "torchvision:NAME" (`from`); None for the initialization's.
        without: patterns for names of tensors that are left out and stay as they were initialized (`except`).
        by: what tells which tensor is which, its "name" or its place in the "order" of all.
        weights: the hash of their file when the run began, which the program fills in; None for any.
    """

    source: str | None = None
    without: tuple[str, ...] = ()
    by: Literal["name", "order"] = "name"
    weights: str | None = None

    expects = "keys from, except and by, as in pretrained.from=RUN 'pretrained.except=[head.*]'"

    @classmethod
    def parse(cls, value: Any) -> "PretrainedConfig":
        """Read the section.

        Raises:
            ValueError: it has other keys or values.
        """
        if not isinstance(value, Mapping) or not set(value) <= {"from", "except", "by", "weights"}:
            raise ValueError(f"{value!r} is not {cls.expects}")
        source, without, by = value.get("from"), value.get("except") or [], value.get("by", "name")
        weights = value.get("weights")
        texts = isinstance(without, list | tuple) and all(isinstance(pattern, str) for pattern in without)
        known = isinstance(source, str | None) and isinstance(weights, str | None) and texts and by in ("name", "order")
        if not known or (source is None and (without or by == "order" or weights)):
            raise ValueError(f"{value!r} is not {cls.expects}")
        return cls(source, tuple(without), by, weights)
