"""What layers inside a model are given while it computes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def recorded(layers: Iterable[nn.Module]) -> Iterator[list[tuple]]:
    """The arguments of each call of the layers by position, in the order of the calls."""
    calls: list[tuple] = []
    hooks = [layer.register_forward_pre_hook(lambda _layer, given: calls.append(given)) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
