"""The data set that picture files with a class each make, whatever lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from dl_runner.config.paths import absolute
from dl_runner.data.dataset import Data, Fit
from dl_runner.data.depth import white_of
from dl_runner.data.sampling import hold_out
from dl_runner.data.splits import FileSplit
from dl_runner.data.whole import WholeFiles
from dl_runner.errors import UserError
from dl_runner.runtime.progress import tracked
from dl_runner.spec import Classes, DataSpec, Image

IN_MEMORY_BYTES = 2 << 30  # "auto" decodes up to this much into memory: about 14,000 pictures of 224x224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
InMemory = bool | Literal["auto"]


def located(path: str, root: Path, key: str = "data.path", kind: str = "folder") -> Path:
    """The file or folder that a key of the config names, absolute or relative to `root`.

    Raises:
        UserError: there is none.
    """
    found = absolute(root / path)  # the check of the config has resolved what is in the working directory
    if found.is_dir() if kind == "folder" else found.is_file():
        return found
    tried = dict.fromkeys([found, absolute(path)])
    raise UserError(f"{key}={path}: no such {kind} (looked for {' and '.join(map(str, tried))})")


def photographs(
    classes: Sequence[str],
    splits: Mapping[str, FileSplit],
    image_size: int,
    *,
    resize: int | None = None,
    in_memory: InMemory = "auto",
    white: float | None = None,
    notes: Sequence[str] = (),
    fit: Fit | None = None,
) -> Data:
    """Data of picture files.

    Args:
        classes: names in the order of the labels.
        splits: "train" and, optionally, "validation" and "test".
        image_size: side of the square that is cut out, in pixels.
        resize: the shorter side before; None for `image_size`.
        in_memory: whether all are decoded before the training; "auto" is true up to IN_MEMORY_BYTES.
        white: the value that is white in pictures of more than 8 bits a channel; None for the largest number of as many
            bits as the training pictures use.
        notes: what a person has to know of how the files were found.
        fit: as for `Data`.
    """
    if white is None and (white := white_of(tracked(splits["train"].paths, "looking for pictures of 16 bits"))):
        notes = [*notes, f"pictures of more than 8 bits, white is {white:,} (data.white)"]
    pixels = image_size**2 if resize is None else 1.5 * resize**2
    size = sum(len(split) for split in splits.values()) * 3 * pixels
    options = {"white": white, "preload": in_memory is True or (in_memory == "auto" and size <= IN_MEMORY_BYTES)}
    made = {name: replace(split, **options) for name, split in splits.items()}
    if resize is not None:
        made = {name: WholeFiles(**vars(split), resize=resize) for name, split in made.items()}
    inputs = Image(3, image_size, image_size, IMAGENET_MEAN, IMAGENET_STD, white, resize)
    return Data(DataSpec(inputs, Classes(tuple(classes)), "classification"), **made, fit=fit, notes=tuple(notes))


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
