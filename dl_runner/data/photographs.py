"""The data set that picture files with a class each make, whatever lists them."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import torch

from dl_runner.data.dataset import Data
from dl_runner.data.sampling import hold_out
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.data.whole import WholeFiles
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image

IN_MEMORY_BYTES = 2 << 30  # "auto" decodes up to this much into memory: about 14,000 pictures of 224x224
THREADS = 8
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
InMemory = bool | Literal["auto"]


def located(path: str, root: Path, key: str = "data.path") -> Path:
    """The file or folder that a key of the config names, absolute or relative to `root` or to the working directory.

    Raises:
        UserError: there is none.
    """
    candidates = dict.fromkeys((root / Path(path).expanduser(), Path(path).expanduser().absolute()))
    for found in candidates:
        if found.exists():
            return found
    raise UserError(f"{key}={path}: no such file or folder (looked for {' and '.join(map(str, candidates))})")


def photographs(
    classes: Sequence[str],
    splits: Mapping[str, FileSplit],
    image_size: int,
    resize: int | None,
    in_memory: InMemory,
) -> Data:
    """Data of picture files.

    Args:
        classes: names in the order of the labels.
        splits: "train" and, optionally, "validation" and "test".
        image_size: side of the square that is cut out, in pixels.
        resize: the shorter side before; None for `image_size`.
        in_memory: whether all are decoded at the start; "auto" is true up to IN_MEMORY_BYTES.

    Raises:
        UserError: a file that is decoded now is missing or not the image that its name says.
    """
    inputs = Image(3, image_size, image_size, IMAGENET_MEAN, IMAGENET_STD, resize=resize)
    pixels = image_size**2 if resize is None else 1.5 * resize**2
    size = sum(len(split) for split in splits.values()) * 3 * pixels
    if resize is not None:
        splits = {name: WholeFiles(one.paths, one.targets, image_size, resize) for name, one in splits.items()}
    if in_memory is True or (in_memory == "auto" and size <= IN_MEMORY_BYTES):
        splits = {name: _decoded(split) for name, split in splits.items()}
    return Data(DataSpec(inputs, Classes(tuple(classes)), "classification"), **splits)


def with_test(everything: FileSplit, share: float, seed: int) -> dict[str, FileSplit]:
    """ "train" and, unless its share is 0, "test", stratified.

    Raises:
        UserError: no class has an example to spare.
    """
    if share == 0:
        return {"train": everything}
    kept, held = hold_out(len(everything), everything.strata, share, seed, "test")
    if not len(held):
        raise UserError(f"data.test={share:g}: no class has two images, so none can be held out; set data.test=0")
    return {"train": everything.subset(kept), "test": everything.subset(held)}


def _decoded(split: FileSplit) -> TensorSplit:
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:  # a map raises what a thread raised
        if isinstance(split, WholeFiles):
            return split.in_tensors(list(pool.map(split.decoded, range(len(split)))))
        images = torch.empty(len(split), 3, split.image_size, split.image_size, dtype=torch.uint8)

        def fill(place: int) -> None:
            images[place] = split.load([place])[0]

        list(pool.map(fill, range(len(split))))
    return TensorSplit(images, split.targets)
