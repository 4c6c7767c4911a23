"""The passes of a training step as one launch: a CUDA graph, which a GPU replays without waiting for Python.

A small model's kernels take less time than Python needs to launch them one by one (Gray, Gruslys et al., "Accelerating
PyTorch with CUDA Graphs", PyTorch blog, 2021). A graph remembers addresses, not tensors: the batch is copied to where
the captured one was, and the gradients are always written to the same memory.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Batch, first_tensor
from dl_runner.errors import RunFailed

WARM_UP = 3  # steps: libraries choose their kernels and take their memory in the first ones

Outputs = dict[str, Tensor]
Passes = Callable[[Batch], Outputs]


class CudaGraphStep:
    """Forward and backward pass of batches, captured at the first shape, with its counts, that has come `WARM_UP`
    times before.

    Batches of other shapes, such as the last one of an epoch, go through the passes themselves. Optimizer, clipping and
    schedule are outside, so that any of them works.

    Args:
        model: what is trained; its parameters have no gradients at each call.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._seen: dict[Any, int] = {}
        self._shape: Any = None
        self._replay: Callable[[], None]
        self._batch: Batch
        self._outputs: Outputs
        self._gradients: list[tuple[nn.Parameter, Tensor]]

    def __call__(self, passes: Passes, batch: Batch) -> Outputs:
        """What `passes(batch)` returns; the model's gradients are then those that it leaves.

        Args:
            passes: the same computation in every call. It launches the same work for every batch of a shape and never
                waits for the device.
            batch: on the GPU.

        Raises:
            RunFailed: it cannot be captured.
        """
        tensors = _tensors(batch)
        # Counts are numbers on the host, which the captured work has taken in.
        counts = (*batch.counts.items(), *batch.whole.items())
        shape = (*((tensor.shape, tensor.stride(), tensor.dtype) for tensor in tensors), *counts)
        if self._shape is None:
            self._seen[shape] = self._seen.get(shape, 0) + 1
            if self._seen[shape] <= WARM_UP:
                return aside(lambda: passes(batch), tensors[0].device)
            self._capture(passes, batch)
            self._shape = shape
        if shape != self._shape:
            return passes(batch)
        for place, tensor in zip(_tensors(self._batch), tensors, strict=True):
            place.copy_(tensor)
        self._replay()
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        return {name: value.clone() for name, value in self._outputs.items()}  # the next replay writes there again

    def _capture(self, passes: Passes, batch: Batch) -> None:
        self._batch = batch.map(Tensor.clone)
        buffers = [buffer.data_ptr() for buffer in self._model.buffers()]
        try:
            self._replay, self._outputs = capture(lambda: passes(self._batch), first_tensor(batch.inputs).device)
        except RuntimeError as error:
            raise _refused(_first(error)) from error
        if buffers != [buffer.data_ptr() for buffer in self._model.buffers()]:
            raise _refused("the model replaces a buffer instead of writing to it")
        self._gradients = [
            (parameter, parameter.grad) for parameter in self._model.parameters() if parameter.grad is not None
        ]


def _tensors(batch: Batch) -> list[Tensor]:
    return [
        one
        for value in (batch.inputs, batch.targets)
        for one in (value.values() if isinstance(value, dict) else [value])
    ]


def capture(passes: Callable[[], Outputs], device: torch.device) -> tuple[Callable[[], None], Outputs]:
    """A CUDA graph of what `passes` launches, none of which runs yet: how to run it, and where its outputs will be."""
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)
    # Other threads, such as one that pins memory for a loader, may go on using the device.
    with torch.cuda.device(device), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        outputs = passes()
    return graph.replay, outputs


def aside(passes: Callable[[], Outputs], device: torch.device) -> Outputs:
    """Run `passes` on a stream of their own, as a capture does, in their order among the work of this one."""
    here, stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    stream.wait_stream(here)
    with torch.cuda.stream(stream):
        outputs = passes()
    here.wait_stream(stream)
    return outputs


def _first(error: BaseException) -> str:
    """What went wrong first: leaving a broken capture raises once more, and says less."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return str(error).strip().splitlines()[0]


def _refused(reason: str) -> RunFailed:
    return RunFailed(f"device.cuda_graphs=on: the step cannot be captured ({reason}); use device.cuda_graphs=off")
