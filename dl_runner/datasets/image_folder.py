"""Any folder of photographs: one subfolder for each class, or such folders under train/, validation/ and test/."""

from dataclasses import replace
from pathlib import Path

import torch

from dl_runner.config.types import Fraction, Positive, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.folders import Contents, Layout, read_folder
from dl_runner.data.images import UnreadablePicture, load
from dl_runner.data.photographs import InMemory, located, photographs, with_test
from dl_runner.data.splits import FileSplit
from dl_runner.errors import UserError
from dl_runner.runtime.files import readable
from dl_runner.runtime.progress import in_threads


def image_folder(
    root: Path,
    *,
    path: str,
    layout: Layout = "auto",
    test: Fraction = 0.2,
    resize: PositiveInt | None = None,
    in_memory: InMemory = "auto",
    white: Positive | None = None,
    skip_damaged: bool = False,
    image_size: int | None = None,
    seed: int = 0,
) -> Data:
    """Images in RGB, the shorter side resized to `image_size`, the centre square: uint8 (n, 3, size, size).

    Classes are the subfolders in alphabetical order. Subfolders train/ and, optionally, validation/ and test/ (or
    Training, val, dev, … as `folders.SPLITS` has them) are used as given. Every file in them that is a picture is used,
    linked folders included; the notes name what is not. Hidden files are passed over.

    Args:
        root: the folder of all data sets.
        path: the folder; absolute, or relative to `root`; in a config, relative to either.
        layout: "classes" takes every subfolder for a class, whatever its name.
        test: share held out as the test split where there is no train/, stratified; 0 for none.
        resize: what the shorter side of a photograph is resized to before the centre square is cut out; a training that
            begins with a random crop takes it from the whole photograph. None: to `image_size`, and nothing beyond the
            centre square is seen.
        in_memory: true decodes everything at the start, false as batches need it; "auto" is true up to 2 GiB.
        white: the value that is white in pictures of more than 8 bits a channel; None for the largest number of as many
            bits as the training pictures use.
        skip_damaged: leave pictures out that cannot be decoded; every one is decoded to find them.
        image_size: side in pixels, >= 1.
        seed: of the test split, >= 0.

    Raises:
        UserError: the folder or its classes are missing, or a file is not the image that its name says.
    """
    if image_size is None:
        raise UserError("data.image_size=null: photographs differ in size; give a number of pixels, such as 224")
    folder = located(path, root)
    contents = read_folder(folder, layout)
    left_out = _leave_out_damaged(contents, folder) if skip_damaged else {}
    splits = {
        split: FileSplit(tuple(paths), torch.tensor(labels, dtype=torch.int64), image_size)
        for split, (paths, labels) in contents.files.items()
    }
    if "train" not in splits:
        splits = with_test(splits[""], test, seed)
    data = photographs(
        tuple(map(readable, contents.classes)),
        splits,
        image_size,
        resize=resize,
        in_memory=in_memory,
        white=white,
        notes=contents.notes,
    )
    return replace(data, unused=contents.unused, left_out=left_out)


def _leave_out_damaged(contents: Contents, folder: Path) -> dict[str, str]:
    """Takes the damaged pictures out of `contents`: from their names in the folder to what is wrong with them.

    Raises:
        UserError: a class has no other pictures for training.
    """

    def reason(path: Path) -> str | None:
        try:
            with load(path):
                return None
        except UnreadablePicture as error:
            return str(error).removeprefix(f"{path}: ")

    left_out = {}
    for split, (paths, labels) in contents.files.items():
        reasons = in_threads(reason, paths, "looking for damaged pictures")
        kept = [place for place, found in enumerate(reasons) if found is None]
        names = [str(path.relative_to(folder)) for path in paths]
        left_out |= {name: why for name, why in zip(names, reasons, strict=True) if why}
        contents.files[split] = [paths[place] for place in kept], [labels[place] for place in kept]
        if split in ("", "train") and (empty := set(labels) - set(contents.files[split][1])):
            raise UserError(
                f"{folder / split / contents.classes[min(empty)]}: all its pictures are damaged; repair or remove it"
            )
        if not kept:
            raise UserError(f"{folder / split}: all its pictures are damaged; repair or remove it")
    return left_out
