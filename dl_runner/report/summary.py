"""What a model consists of: a row per layer in the order of its calls, with shapes, parameters and multiply-adds."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from rich import box
from rich.table import Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dl_runner.data.batch import blank, call
from dl_runner.spec import DataSpec, reads_tokens

FEW = 2  # calls of a module that have a row each; more of them, as of a cell for each token, share one

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One call of one module, or all those with the same output if there are more than two.

    Args:
        name: where the module is in the model; "" for the model itself.
        type: its class.
        output_shape: of one example; () when the module returns no tensor.
        parameters: its own that no earlier row has counted.
        multiply_adds: for one example, without those of the modules within it; of all calls.
        calls: how many; 0 for one whose parameters another module computes with itself, and counts.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    calls: int = 1


@dataclass(frozen=True)
class Summary:
    """Rows and totals. `parameters` and `trainable` count each parameter once, called or not; `megabytes` (10⁶ bytes)
    is the size of parameters and buffers; `multiply_adds` is for one example.
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    megabytes: float


@dataclass
class _Calls:
    """Forward hooks that write a row per call, giving each module what is not its children's.

    Args:
        shapes: for one example, of the outputs of the calls by their numbers; None where dimension 0 counts examples.
    """

    names: dict[nn.Module, str]
    counter: FlopCounterMode
    shapes: list[Shape] | None = None
    rows: list[Row] = field(default_factory=list)
    number: int = 0
    counted: set[int] = field(default_factory=set)
    running: list[list[int]] = field(default_factory=list)  # per module in progress: FLOPs before it, FLOPs of children

    def enter(self, module: nn.Module, inputs: Any) -> None:
        self.running.append([self.counter.get_total_flops(), 0])

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        before, within = self.running.pop()
        shape = _shape(output)[1:] if self.shapes is None else self.shapes[self.number]
        self.number += 1
        flops = self.counter.get_total_flops() - before
        if self.running:
            self.running[-1][1] += flops
        new = {id(own): own.numel() for own in module.parameters(recurse=False) if id(own) not in self.counted}
        self.counted |= new.keys()
        leaf = next(module.children(), None) is None
        only = not self.running and not self.rows  # a model whose modules are but called for what they hold
        if leaf or new or flops > within or only:
            # One multiply-add is two floating-point operations.
            row = Row(self.names[module], type(module).__name__, shape, sum(new.values()), (flops - within) // 2)
            self.rows.append(row)

    def uncalled(self) -> list[Row]:
        """A row for each module whose parameters another one computes with, such as a cell that goes step by step."""
        rows = []
        for module, name in self.names.items():
            own = {id(one): one.numel() for one in module.parameters(recurse=False) if id(one) not in self.counted}
            self.counted |= own.keys()
            if own:
                rows.append(Row(name, type(module).__name__, (), sum(own.values()), 0, calls=0))
        return rows


def _shape(output: Any) -> Shape:
    first = _first(output)
    return () if first is None else tuple(first.shape)


def _first(output: Any) -> torch.Tensor | None:
    if isinstance(output, list | tuple) and output:
        return _first(output[0])
    return output if isinstance(output, torch.Tensor) else None


def _shapes(model: nn.Module, spec: DataSpec, device: torch.device | str, examples: int) -> list[Shape]:
    """Of the output of each call in a pass of so many examples, in the order in which the calls end."""
    found: list[Shape] = []

    def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
        found.append(_shape(output))

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        call(model, blank(spec, examples, device).inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _of_one_example(one: Shape, two: Shape) -> Shape:
    """The shape for one example without the dimension that counts them, which is where that for two differs: layers of
    sequences may have it behind their places."""
    differ = [place for place, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    return one[: differ[0]] + one[differ[0] + 1 :] if differ else one


def _joined(rows: list[Row]) -> list[Row]:
    """Rows of modules that are called again and again as one row each."""
    alike: dict[tuple[str, Shape], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.name, row.output_shape), []).append(row)
    found = []
    for row in rows:
        same = alike[row.name, row.output_shape]
        if len(same) <= FEW:
            found.append(row)
        elif row is same[0]:
            found.append(replace(row, multiply_adds=sum(one.multiply_adds for one in same), calls=len(same)))
    return found


def summarize(model: nn.Module, spec: DataSpec, device: torch.device | str = "cpu") -> Summary:
    """Runs `model`, which lives on `device`, on a blank example, in evaluation mode.

    Leaf modules get a row per call; others only for what they hold or compute themselves. A module called twice
    has two rows, the second with no parameters. Multiply-adds are those of matrix products and convolutions.
    """
    names = {module: name for name, module in model.named_modules()}
    training = {module: module.training for module in names}
    counter = FlopCounterMode(display=False)
    handles: list[Any] = []
    try:
        model.eval()
        with torch.no_grad():
            calls = _Calls(names, counter)
            if reads_tokens(spec):
                both = (_shapes(model, spec, device, examples) for examples in (1, 2))
                calls.shapes = [_of_one_example(*pair) for pair in zip(*both, strict=True)]
            handles += [module.register_forward_pre_hook(calls.enter) for module in names]
            handles += [module.register_forward_hook(calls.leave) for module in names]
            with counter:
                call(model, blank(spec, 1, device).inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode
    parameters = list(model.parameters())
    return Summary(
        rows=tuple(_joined(calls.rows) + calls.uncalled()),
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        multiply_adds=counter.get_total_flops() // 2,
        megabytes=sum(tensor.numel() * tensor.element_size() for tensor in [*parameters, *model.buffers()]) / 1e6,
    )


def render(summary: Summary) -> Table:
    """The summary as a table for a terminal, totals at the foot."""
    caption = f"{summary.trainable:,} parameters trainable; {summary.megabytes:,.2f} MB in memory"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True, footer_style="bold", caption=caption)
    table.add_column("layer", footer="total", overflow="fold")
    table.add_column("type")
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("parameters", justify="right", footer=f"{summary.parameters:,}", no_wrap=True)
    table.add_column("multiply-adds", justify="right", footer=f"{summary.multiply_adds:,}", no_wrap=True)
    for row in summary.rows:
        shape = " × ".join(map(str, row.output_shape))
        counts = (f"{count:,}" if count else "" for count in (row.parameters, row.multiply_adds))
        calls = "" if row.calls == 1 else f" ({row.calls} times)" if row.calls else " (no call)"
        table.add_row(row.name or "(model)", row.type + calls, shape, *counts)
    return table
