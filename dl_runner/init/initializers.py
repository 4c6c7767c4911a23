"""Initializers of a built model.

Each builder returns a function that re-initializes, in place, the weights of every linear, convolution and recurrent
layer and sets their biases to zero; normalization layers keep their ones and zeros, embeddings what they have, and a
layer with the attribute `keeps_its_weights` what it has set itself. The gates of a recurrent layer, whose weights torch
keeps in one tensor, are weights of their own. torch is imported when one is applied, so that a config is checked
against these signatures without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from dl_runner.config.types import NonNegative, Positive
from dl_runner.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

Initializer = Callable[["nn.Module"], None]


def _each(model: nn.Module, fill: Callable[[Tensor], object]) -> None:
    from torch import nn

    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Bilinear, *convolutions)) and not hasattr(module, "keeps_its_weights"):
            fill(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNNBase):
            for name, parameter in module.named_parameters():
                if name.startswith("bias"):
                    nn.init.zeros_(parameter)
                else:
                    for gate in parameter.detach().split(module.hidden_size):
                        fill(gate)


def default() -> Initializer:
    """Leave what the framework's constructors have set."""
    return lambda model: None


def forget_bias(*, value: float = 1.0) -> Initializer:
    """What the constructors have set, but for the forget gates of LSTMs, whose biases sum to `value`.

    At 0, where torch leaves them on average, a gate is half open, and what a cell holds is halved at each token (Gers
    et al., 2000; Jozefowicz et al., 2015).
    """

    def initialize(model: nn.Module) -> None:
        from torch import nn

        for module in model.modules():
            if not isinstance(module, nn.LSTM):
                continue
            for name, parameter in module.named_parameters():
                if name.startswith("bias"):  # input, forget, cell, output
                    forget = parameter.detach().split(module.hidden_size)[1]
                    nn.init.constant_(forget, value if name.startswith("bias_ih") else 0.0)

    return initialize


def normal(*, std: Positive = 0.01) -> Initializer:
    """w ~ N(0, std²)."""

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.normal_(weight, std=std))

    return initialize


def uniform(*, low: float = -0.05, high: float = 0.05) -> Initializer:
    """w ~ U(low, high), low < high.

    Raises:
        UserError: low >= high.
    """
    if low >= high:
        raise UserError(f"init.low={low:g} and init.high={high:g}: low must be below high")

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.uniform_(weight, low, high))

    return initialize


def thresholded_uniform(*, bound: Positive = 10.0, threshold: NonNegative = 5.0) -> Initializer:
    """w ~ U(−bound, bound), and 0 where |w| < threshold: the custom initializer of Dive into Deep Learning.

    Raises:
        UserError: threshold >= bound, which leaves no weight.
    """
    if threshold >= bound:
        raise UserError(f"init.threshold={threshold:g}: leaves no weight of init.bound={bound:g}; it must be below")

    def initialize(model: nn.Module) -> None:
        import torch
        from torch.nn import init

        @torch.no_grad()
        def fill(weight: Tensor) -> None:
            init.uniform_(weight, -bound, bound)
            weight.mul_(weight.abs() >= threshold)

        _each(model, fill)

    return initialize


def xavier_uniform(*, gain: Positive = 1.0) -> Initializer:
    """w ~ U(−a, a), a = gain · √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.xavier_uniform_(weight, gain=gain))

    return initialize


def xavier_normal(*, gain: Positive = 1.0) -> Initializer:
    """w ~ N(0, gain² · 2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.xavier_normal_(weight, gain=gain))

    return initialize


def kaiming(*, mode: Literal["fan_in", "fan_out"] = "fan_in") -> Initializer:
    """w ~ N(0, 2 / fan), for ReLU networks (He et al., 2015)."""

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.kaiming_normal_(weight, mode=mode, nonlinearity="relu"))

    return initialize


def constant(*, value: float = 0.01) -> Initializer:
    """w = value: every unit of a layer stays a copy of the others, which is why weights start random."""

    def initialize(model: nn.Module) -> None:
        from torch.nn import init

        _each(model, lambda weight: init.constant_(weight, value))

    return initialize
