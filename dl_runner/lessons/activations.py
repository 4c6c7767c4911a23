"""Activation functions and their derivatives, and what the derivatives do to a gradient on its way through layers."""

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dl_runner.config.types import Positive, PositiveInt
from dl_runner.layers.activations import activation
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Function = Literal["sigmoid", "tanh", "relu", "leaky_relu", "gelu", "step", "sign"]
_OF_THE_PERCEPTRON = {"step": lambda x: (1 + torch.sign(x)) / 2, "sign": torch.sign}


def activations(
    lesson: Lesson,
    *,
    functions: list[Function] = ("sigmoid", "tanh", "relu", "leaky_relu", "step"),
    reach: Positive = 5.0,
    layers: PositiveInt = 10,
) -> "Figure":
    """Backpropagation multiplies by a derivative in every layer, and the sigmoid's is at most ¼: gradients vanish.

    Nothing is trained; the largest derivative of each function is among the lesson's metrics.

    Args:
        functions: those of the models, and step and sign of the perceptron.
        reach: they are drawn from -reach to reach.
        layers: through so many the largest derivative is followed.

    Returns:
        Above, the functions; below, their derivatives, by automatic differentiation.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.4, 6.4), layout="constrained")
    rows = figure.subplots(2, len(functions), squeeze=False, sharex=True, sharey="row")
    x = torch.linspace(-reach, reach, 2001)  # an odd number, so that it has the zero
    for column, name in enumerate(functions):
        y, slope = with_derivative(name, x)
        most = slope.max().item()
        lesson.metrics[f"{name}: largest derivative"] = most
        above, below = rows[:, column]
        above.plot(x, y, color="tab:blue", linewidth=2.5, label="f(x)")
        below.plot(x, slope, color="tab:red", linewidth=2.5, label="f′(x)")
        below.axhline(most, color="black", linestyle=":", label=f"largest: {most:.3g}")
        above.set(ylim=(-1.5, 3))
        above.set_title(name, fontsize=14)
        below.set(xlabel="x", ylim=(-0.1, 1.6))
        below.set_title(f"{layers} layers: at most ${most:.3g}^{{{layers}}}$ = {most**layers:.1g}", fontsize=11)
        for axes in (above, below):
            axes.axvline(0, color="gray", linewidth=0.6)
            axes.axhline(0, color="gray", linewidth=0.6)
            axes.grid(alpha=0.3)
            axes.legend(loc="upper left")
    figure.suptitle("Activation functions, and the derivatives that backpropagation multiplies, one in each layer")
    rows[0, 0].set_ylabel("activation f(x)")
    rows[1, 0].set_ylabel("derivative f′(x)")
    return figure


def with_derivative(name: Function, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    function = _OF_THE_PERCEPTRON[name] if name in _OF_THE_PERCEPTRON else activation(name)
    y = function(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope
