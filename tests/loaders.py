"""Batches of small splits for tests."""

import torch

from dl_runner.data.loader import Loader
from dl_runner.data.preparation import preparation
from dl_runner.data.samplers import InOrder, Shuffled
from dl_runner.data.splits import Split, TensorSplit
from dl_runner.spec import DataSpec


def loader_of(
    split: Split,
    spec: DataSpec,
    batch_size: int,
    *,
    shuffle: bool = False,
    seed: int = 0,
    device: str = "cpu",
    transform=None,
    memory_format="contiguous",
    **options,
) -> Loader:
    """Shuffled batches as a training takes them, or those of an evaluation in the order of the split."""
    sampler = Shuffled(len(split), batch_size, seed) if shuffle else InOrder(len(split), batch_size)
    prepare = preparation(spec, device, transform, memory_format)
    return Loader(split, sampler, prepare, device=device, seed=seed, repeated=shuffle, **options)


def random_images(n: int, *shape: int) -> TensorSplit:
    """Random bytes; the label of each image is its place."""
    generator = torch.Generator().manual_seed(0)
    return TensorSplit(torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator), torch.arange(n))


def targets_of(epoch) -> list[int]:
    return torch.cat([batch.targets for batch in epoch]).tolist()


def equal(one, other) -> bool:
    """Whether batches are the same to the last bit, and there is one at least."""
    pairs = list(zip(one, other, strict=True))
    return bool(pairs) and all(
        torch.equal(a.inputs, b.inputs)
        and torch.equal(a.targets, b.targets)
        and (a.counts, a.whole) == (b.counts, b.whole)
        for a, b in pairs
    )
