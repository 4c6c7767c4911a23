"""How the gradients of several devices become one step, for any model; the models know nothing of it.

Every process computes its share of each batch. A task's loss of a share is its sum of terms over the count of the whole
batch, so that the gradients of the shares add up to the gradient of the batch, however unequal the shares are.
"""

import contextlib
import copy
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.sync_batch_norm import synchronized
from dl_runner.runtime.cores import allowed_cores

_KERNELS = ("fused", "foreach")


class Strategy:
    """One process and one device; the others change what they need to.

    Args:
        model: on its device, with its weights; the same in every process.
        process_group: the processes that share each batch.

    Attributes:
        forward: what the forward passes of training go through; it may hold `model` or be the same.
        scale: what a process multiplies the loss of its share by.
        lockstep: whether a forward pass needs all processes, also in evaluation.
    """

    scale = 1
    lockstep = False

    def __init__(self, model: nn.Module, process_group: ProcessGroup) -> None:
        self.model, self.process_group = model, process_group
        self.forward = self._wrap(model)

    def _wrap(self, model: nn.Module) -> nn.Module:
        return model

    def part(self, last: bool) -> AbstractContextManager:
        """The context of the passes over a part of an accumulated batch; gradients need to be exact after the last."""
        return contextlib.nullcontext()

    def collect_gradients(self) -> None:
        """Called after the last backward pass of a batch, before anybody looks at the gradients."""

    def full_model(self) -> nn.Module:
        """The model with all its weights and the first process's buffers. A collective call: every process makes it;
        what others than the first one get may lack weights."""
        self.process_group.same_buffers(self.model)
        return self.model

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy a whole model's weights and buffers into the model."""
        self.model.load_state_dict(state)

    def prepare_optimizer(self, optimizer: Optimizer) -> None:
        """Called once, with the new optimizer of the model."""

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """What the optimizer of a run in one process would save. A collective call: every process makes it."""
        return optimizer.state_dict()

    def load_optimizer(self, optimizer: Optimizer, state: dict[str, Any]) -> None:
        """Inverse of `optimizer_state`."""
        kernels = [{key: group[key] for key in _KERNELS if key in group} for group in optimizer.param_groups]
        optimizer.load_state_dict(state)
        for group, own in zip(optimizer.param_groups, kernels, strict=True):
            group.update(own)  # which kernel takes the step is a matter of the place, not of the state


class DataParallelStrategy(Strategy):
    """torch's DataParallel, as the notes use it: one process deals each batch out to its GPUs and gathers the outputs.

    Args:
        devices: how many GPUs.
    """

    def __init__(self, model: nn.Module, process_group: ProcessGroup, devices: int) -> None:
        self._devices = devices
        super().__init__(model, process_group)

    def _wrap(self, model: nn.Module) -> nn.Module:
        return nn.DataParallel(model, device_ids=list(range(self._devices)))


class DDPStrategy(Strategy):
    """torch's DistributedDataParallel: every process has the whole model, and gradients are averaged while the backward
    pass still runs (Li et al., "PyTorch Distributed", VLDB 2020)."""

    def __init__(self, model: nn.Module, process_group: ProcessGroup) -> None:
        super().__init__(model, process_group)
        self.scale = process_group.size  # it averages, and the shares are to be summed

    def _wrap(self, model: nn.Module) -> nn.Module:
        from torch.nn.parallel import DistributedDataParallel

        # `full_model` and evaluations take the first process's buffers; between them no step depends on them.
        known = inspect.signature(DistributedDataParallel).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # until torch 2.14
        return DistributedDataParallel(model, gradient_as_bucket_view=True, **{buffers: False})

    def part(self, last: bool) -> AbstractContextManager:
        return contextlib.nullcontext() if last else self.forward.no_sync()


class ManualAllReduce(Strategy):
    """The notes' lesson: the same weights everywhere at first, each process's gradients of its share, their sum to all
    of them, and the same step everywhere."""

    def _wrap(self, model: nn.Module) -> nn.Module:
        from torch import distributed as dist

        with torch.no_grad():
            for parameter in model.parameters():
                dist.broadcast(parameter, src=0)
        return model

    def collect_gradients(self) -> None:
        from torch import distributed as dist

        for parameter in self.model.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)


class FSDPStrategy(Strategy):
    """torch's FSDP2, `fully_shard`: every process keeps a part of each weight, of its gradient and of the optimizer's
    state, and layers are put together for their passes only (Zhao et al., "PyTorch FSDP", VLDB 2023)."""

    lockstep = True

    def __init__(self, model: nn.Module, process_group: ProcessGroup) -> None:
        super().__init__(model, process_group)
        self.scale = process_group.size  # it averages, and the shares are to be summed

    def _wrap(self, model: nn.Module) -> nn.Module:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        self._copy = copy.deepcopy(model).cpu() if self.process_group.rank == 0 else nn.Module()
        mesh = init_device_mesh(next(model.parameters()).device.type, (self.process_group.size,))
        for block in _blocks(model):
            fully_shard(block, mesh=mesh)
        return fully_shard(model, mesh=mesh)

    def part(self, last: bool) -> AbstractContextManager:
        self.model.set_requires_gradient_sync(last)
        return contextlib.nullcontext()

    def prepare_optimizer(self, optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            if group.get("fused"):  # torch has no fused kernels for parts of tensors
                group |= {"fused": False, "foreach": True}

    def full_model(self) -> nn.Module:
        self.process_group.same_buffers(self.model)
        state = _map_tensors(self.model.state_dict(), full_tensor)
        if self.process_group.rank == 0:
            self._copy.load_state_dict(state)
        return self._copy

    def load(self, state: Mapping[str, Tensor]) -> None:
        own = self.model.state_dict()
        self.model.load_state_dict({name: _cut_like(own[name], value) for name, value in state.items()})

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return _map_tensors(optimizer.state_dict(), full_tensor)

    def load_optimizer(self, optimizer: Optimizer, state: dict[str, Any]) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        cut = {
            number: {
                # A momentum has its weight's shape; a count of steps has none.
                name: _cut_like(parameters[number], value) if _same_shape(parameters[number], value) else value
                for name, value in of_parameter.items()
            }
            for number, of_parameter in state["state"].items()
        }
        super().load_optimizer(optimizer, {**state, "state": cut})


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The outermost members of sequences that hold weights: a sequence calls its members, so these are called."""
    if isinstance(model, nn.Sequential):
        return [member for member in model if any(True for _ in member.parameters())]
    return [block for child in model.children() for block in _blocks(child)]


def full_tensor(value: Tensor) -> Tensor:
    """The tensor whose parts the processes hold; any other as it is. A collective call."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def _same_shape(parameter: Tensor, value: Any) -> bool:
    return isinstance(value, Tensor) and value.shape == parameter.shape


def _cut_like(own: Tensor, value: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(own, DTensor):
        return value
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements)


def _map_tensors(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: _map_tensors(item, function) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_map_tensors(item, function) for item in value)
    return value


_GROUPED = {"ddp": DDPStrategy, "fsdp": FSDPStrategy, "manual": ManualAllReduce}


def parallelize(
    model: nn.Module, config: ParallelConfig, device: torch.device, process_group: ProcessGroup
) -> Strategy:
    """The model made ready for training on the config's devices.

    Args:
        model: on `device`, with the same weights in every process; changed in place.
        config: what is asked for.
        device: of this process.
        process_group: of this process.

    Raises:
        UserError: DataParallel without the GPUs for it.
    """
    if config.name == "data_parallel":
        return DataParallelStrategy(model, process_group, devices(config, device))
    if not config.grouped or not any(parameter.requires_grad for parameter in model.parameters()):
        return Strategy(model, process_group)  # without gradients, processes share evaluations alone
    if config.sync_batchnorm:
        model = synchronized(model, device)
    return _GROUPED[config.name](model, process_group)


def devices(config: ParallelConfig, device: torch.device) -> int:
    """How many devices of this machine the config asks for: GPUs, all of them if it does not say, or processor cores.

    Raises:
        UserError: there are not so many, it has to say, or it takes GPUs.
    """
    if device.type == "cuda":
        there, kind = torch.cuda.device_count(), "GPUs"
    elif config.name == "data_parallel":
        raise UserError(f"parallel=data_parallel: deals batches out to GPUs, not to {device}; use parallel=ddp")
    elif config.devices is None:
        raise UserError(f"parallel={config.name}: say how many processes share the processor, as in parallel.devices=2")
    else:
        there, kind = max(2, allowed_cores()), "processor cores"  # two processes are a lesson on any machine
    if (config.devices or 1) > there:
        raise UserError(f"parallel.devices={config.devices}: this machine has {there} {kind}; choose no more than that")
    return config.devices or there
