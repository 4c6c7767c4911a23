"""Batch normalization over the whole batch while each process holds a share of it.

`nn.SyncBatchNorm` of torch 2.15 runs on accelerators alone ("expected input tensor to be on GPU or XPU or
privateuseone"; the operators beneath it, such as `aten::batch_norm_stats`, have no CPU version); this one runs on
processors. With the shares' sizes n_r, sums and squared deviations summed over the processes, mean and variance are
those of one process with the whole batch, and the gradient flows through both sums (Ioffe and Szegedy, 2015, equations
1 to 3).
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn


def synchronized(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with its batch normalization synchronized, its parameters and buffers the same; `model` is changed.

    Args:
        device: of the model.
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) in _KINDS:
            module.__class__ = _KINDS[type(module)]
    return model


class _Sum(torch.autograd.Function):
    """The sum of all processes' values, in each of them. A value counts in every process's loss, so the gradients are
    summed up, too."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class _SyncBatchNorm:
    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return super().forward(inputs)
        self._check_input_dim(inputs)
        axes = [0, *range(2, inputs.ndim)]
        shape = [1, -1, *[1] * (inputs.ndim - 2)]
        values = inputs.float() if inputs.dtype in (torch.bfloat16, torch.float16) else inputs
        count = torch.tensor([values.numel() / values.shape[1]], device=inputs.device, dtype=values.dtype)
        sums = _Sum.apply(torch.cat([values.sum(axes), count]))
        count, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
        centered = values - mean.view(shape)
        variance = _Sum.apply(centered.square().sum(axes)) / count
        with torch.no_grad():
            self._track(mean, variance * count / (count - 1))
        normal = centered * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(inputs.dtype)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats:
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


class SyncBatchNorm1d(_SyncBatchNorm, nn.BatchNorm1d):
    """`nn.BatchNorm1d` over the shares of all processes."""


class SyncBatchNorm2d(_SyncBatchNorm, nn.BatchNorm2d):
    """`nn.BatchNorm2d` over the shares of all processes."""


_KINDS = {nn.BatchNorm1d: SyncBatchNorm1d, nn.BatchNorm2d: SyncBatchNorm2d}
