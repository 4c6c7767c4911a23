"""The optimizers of `dl_runner.optim.scratch`: w ← w − η·d for each parameter, where d is what tells them apart.

η is the learning rate, g the gradient with the L2 penalty's, ∂L/∂w + λ·w, t = 1, 2, … the number of the step.
Parameter groups, learning-rate changes and checkpoints are those of `torch.optim.Optimizer`.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from dl_runner.optim.eager import eager


class _Written(eager(Optimizer)):
    def __init__(self, groups: list[dict], **settings: float) -> None:
        super().__init__(groups, {"weight_decay": 0.0, **settings})

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradient = parameter.grad + group["weight_decay"] * parameter
                    parameter -= group["lr"] * self.direction(gradient, self.state[parameter], group)

    def direction(self, gradient: Tensor, state: dict, group: dict) -> Tensor:
        """d for one parameter, of its shape; `state` is the parameter's memory, {} before its first step."""
        raise NotImplementedError


class ScratchSGD(_Written):
    """d = g."""

    def direction(self, gradient: Tensor, state: dict, group: dict) -> Tensor:
        return gradient


class ScratchMomentum(_Written):
    """d = v, v ← μ·v + g."""

    def direction(self, gradient: Tensor, state: dict, group: dict) -> Tensor:
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + gradient
        return state["velocity"]


class ScratchAdam(_Written):
    """d = m̂ / (√v̂ + ε), with m and v the leaky averages of g and g².

    m ← β₁·m + (1 − β₁)·g and v ← β₂·v + (1 − β₂)·g² start at 0, and so lean towards it by the factor 1 − βᵗ;
    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) correct that.
    """

    def direction(self, gradient: Tensor, state: dict, group: dict) -> Tensor:
        beta1, beta2 = group["beta1"], group["beta2"]
        state["step"] = t = state.get("step", 0) + 1
        state["mean"] = beta1 * state.get("mean", 0) + (1 - beta1) * gradient
        state["square"] = beta2 * state.get("square", 0) + (1 - beta2) * gradient**2
        mean, square = state["mean"] / (1 - beta1**t), state["square"] / (1 - beta2**t)
        return mean / (square.sqrt() + group["eps"])
