"""Any folder of photographs: one subfolder for each class, or such folders under train/, validation/ and test/."""

from collections.abc import Sequence
from pathlib import Path

import torch

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.photographs import InMemory, located, photographs, with_test
from dl_runner.data.splits import FileSplit
from dl_runner.errors import UserError

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
VALIDATION = ("validation", "val", "valid")


def image_folder(
    root: Path,
    *,
    path: str,
    test: Fraction = 0.2,
    resize: PositiveInt | None = None,
    in_memory: InMemory = "auto",
    image_size: int | None = None,
    seed: int = 0,
) -> Data:
    """Images in RGB, the shorter side resized to `image_size`, the centre square: uint8 (n, 3, size, size).

    Classes are the subfolders in alphabetical order. Subfolders train/ and, optionally, validation/ (or val/, valid/)
    and test/ are used as given. Hidden files and files that are not images by their name are passed over.

    Args:
        root: the folder of all data sets.
        path: the folder; absolute, or relative to `root` or to the working directory.
        resize: what the shorter side of a photograph is resized to before the centre square is cut out; a training that
            begins with a random crop takes it from the whole photograph. None: to `image_size`, and nothing beyond the
            centre square is seen.
        test: share held out as the test split where there is no train/, stratified; 0 for none.
        in_memory: true decodes everything at the start, false as batches need it; "auto" is true up to
            2 GiB.
        image_size: side in pixels, >= 1.
        seed: of the test split, >= 0.

    Raises:
        UserError: the folder or its classes are missing, or a file is not the image that its name says.
    """
    if image_size is None:
        raise UserError("data.image_size=null: photographs differ in size; give a number of pixels, such as 224")
    folder = located(path, root)
    if (folder / "train").is_dir():
        classes, splits = _given_splits(folder, image_size)
    else:
        classes = _class_names(folder)
        splits = with_test(_scan(folder, classes, image_size), test, seed)
    return photographs(classes, splits, image_size, resize, in_memory)


def _given_splits(folder: Path, image_size: int) -> tuple[tuple[str, ...], dict[str, FileSplit]]:
    """Class names, and the splits that the folder's own subfolders make."""
    classes = _class_names(folder / "train")
    splits = {"train": _scan(folder / "train", classes, image_size)}
    for split, names in (("validation", VALIDATION), ("test", ("test",))):
        found = [name for name in names if (folder / name).is_dir()]
        if len(found) > 1:
            raise UserError(f"{folder}: holds {' and '.join(found)}; keep one of them for {split}")
        if found:
            unknown = set(_subfolders(folder / found[0])) - set(classes)
            if unknown:
                raise UserError(f"{folder / found[0] / min(unknown)}: no such class in {folder / 'train'}")
            splits[split] = _scan(folder / found[0], classes, image_size, every_class=False)
    return classes, splits


def _class_names(folder: Path) -> tuple[str, ...]:
    classes = _subfolders(folder)
    if len(classes) < 2:
        raise UserError(f"{folder}: needs a subfolder of images for each of two classes or more, found {len(classes)}")
    return classes


def _subfolders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))


def _scan(folder: Path, classes: Sequence[str], image_size: int, *, every_class: bool = True) -> FileSplit:
    """The image files of each class, in order of their paths, subfolders included; none is opened."""
    paths, targets = [], []
    for label, name in enumerate(classes):
        files = sorted(file for file in (folder / name).rglob("*") if _is_image(file, folder))
        if every_class and not files:
            raise UserError(f"{folder / name}: holds no image ({', '.join(sorted(EXTENSIONS))}); fill or remove it")
        paths += files
        targets += [label] * len(files)
    if not paths:
        raise UserError(f"{folder}: holds no image ({', '.join(sorted(EXTENSIONS))}); fill or remove it")
    return FileSplit(tuple(paths), torch.tensor(targets), image_size)


def _is_image(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and file.suffix.lower() in EXTENSIONS and file.is_file()
