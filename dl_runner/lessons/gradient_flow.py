"""Vanishing and exploding gradients: how they pass back through deep networks, before any training."""

from itertools import cycle
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from dl_runner.build.builders import check_builders
from dl_runner.build.experiment import build_task
from dl_runner.build.model import build_model
from dl_runner.config.types import PositiveInt
from dl_runner.data.batch import Batch
from dl_runner.data.preparation import preparation
from dl_runner.layers.activations import Activation
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VANISHING, EXPLODING = 1e-6, 1e3  # where the picture draws the lines
STYLES = (("tab:blue", "o"), ("tab:green", "s"), ("tab:orange", "^"), ("tab:red", "D"), ("tab:purple", "v"))


def gradient_flow(
    lesson: Lesson,
    *,
    inits: list[dict],
    activations: list[Activation] = ("sigmoid", "tanh", "relu"),
    depths: list[PositiveInt] = (1, 2, 5, 10, 20, 30),
    width: PositiveInt = 100,
) -> "Figure":
    """On its way back each layer multiplies the gradient: by less than 1 and it vanishes, by more and it explodes.

    Nothing is trained: the gradients are those of the loss of one batch at the initial weights of an MLP.

    Args:
        inits: sections of the config group init, a line each.
        activations: of the hidden layers, a column each.
        depths: numbers of hidden layers, ascending.
        width: units of each hidden layer.

    Returns:
        Above, the norm of the gradient that arrives at each layer of the deepest network; below, the norm of the
        gradient of the first layer's weights over the depth of the network.
    """
    from matplotlib.figure import Figure

    networks = Networks(lesson)
    figure = Figure(figsize=(13.4, 9), layout="constrained")
    rows = figure.subplots(2, len(activations), squeeze=False, sharex="row", sharey="row")
    depths = sorted(depths)
    deepest = depths[-1]
    for column, activation in enumerate(activations):
        above, below = rows[:, column]
        for init, (color, marker) in zip(inits, cycle(STYLES), strict=False):
            norms = [networks.gradient_norms([width] * depth, activation, init) for depth in depths]
            arriving, of_first = norms[-1][0], [of_weights for _, of_weights in norms]
            name = _name(init)
            style = {"color": color, "marker": marker, "markersize": 5, "label": name}
            above.plot(range(1, deepest + 1), arriving, **style)
            below.plot(depths, of_first, **style)
            lesson.metrics[f"{activation}, {name}: layer 1 over layer {deepest}"] = arriving[0] / arriving[-1]
            for depth, of_weights in zip(depths, of_first, strict=True):
                lesson.metrics[f"{activation}, {name}: first weights at depth {depth}"] = of_weights
        above.set_title(activation, fontsize=14)
        above.set_xlabel(f"layer, of {deepest} (1 is next to the input)")
        below.set_xlabel("hidden layers of the network")
    rows[0, 0].set_ylabel("gradient that arrives at the layer, ‖∂L/∂z‖")
    rows[1, 0].set_ylabel("gradient of the first layer's weights, ‖∂L/∂W₁‖")
    for axes in rows[0]:
        _shade(axes, 0.98, "right")
    for axes in rows[1]:
        _shade(axes, 0.02, "left")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), title="initial weights")
    figure.suptitle("Gradients before training: every layer multiplies them by about the same factor on their way back")
    return figure


class Networks:
    """Untrained networks that a lesson's changes make, with the batch whose loss is followed through them."""

    def __init__(self, lesson: Lesson) -> None:
        data, builders = lesson.data(), check_builders(lesson.config)
        self.lesson, self.spec = lesson, data.spec
        self.task = build_task(lesson.config, builders, data.spec, data.fitted)
        few = data.train.take(slice(0, lesson.config.data.batch_size))
        inputs, targets = preparation(data.spec, "cpu")(few)
        # Gradients in float end at 1e-38, which a deep network soon reaches.
        self.batch = Batch.of(inputs.double(), targets)

    def gradient_norms(self, hidden: list[int], activation: Activation, init: dict) -> tuple[list[float], float]:
        """By the input z of each hidden layer's activation, and by the weights of the first layer."""
        checked = self.lesson.change({"model.hidden": hidden, "model.activation": activation, "init": init})
        model = build_model(checked, check_builders(checked), self.spec).double()
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        arrived: list[Tensor] = []
        for module in linear[:-1]:
            module.register_forward_hook(lambda *call: arrived.append(call[-1]))
        loss, _ = self.task.step(model, self.batch)
        *signals, weight = torch.autograd.grad(loss, [*arrived, linear[0].weight])
        return [signal.norm().item() for signal in signals], weight.norm().item()


def _name(init: dict) -> str:
    settings = ", ".join(f"{key} {value}" for key, value in init.items() if key != "name")
    return f"{init['name']} ({settings})" if settings else init["name"]


def _shade(axes: "Axes", place: float, side: Literal["left", "right"]) -> None:
    """A logarithmic axis with names, at a place across it, for what lies far from 1."""
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    lowest, highest = axes.get_ylim()
    lowest, highest = min(lowest, VANISHING / 1e3), max(highest, EXPLODING * 1e3)
    axes.set_ylim(lowest, highest)
    axes.axhspan(lowest, VANISHING, color="tab:blue", alpha=0.07)
    axes.axhspan(EXPLODING, highest, color="tab:red", alpha=0.07)
    axes.text(place, 0.02, "vanishing", color="tab:blue", ha=side, transform=axes.transAxes)
    axes.text(place, 0.98, "exploding", color="tab:red", ha=side, va="top", transform=axes.transAxes)
