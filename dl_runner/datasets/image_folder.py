"""Any folder of photographs: one subfolder for each class, or such folders under train/, validation/ and test/."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import torch

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.images import decode
from dl_runner.data.sampling import hold_out
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.data.whole import WholeFiles
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
VALIDATION = ("validation", "val", "valid")
IN_MEMORY_BYTES = 2 << 30  # "auto" decodes up to this much into memory: about 14,000 pictures of 224x224
THREADS = 8
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image_folder(
    root: Path,
    *,
    path: str,
    test: Fraction = 0.2,
    resize: PositiveInt | None = None,
    in_memory: bool | Literal["auto"] = "auto",
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
            IN_MEMORY_BYTES.
        image_size: side in pixels, >= 1.
        seed: of the test split, >= 0.

    Raises:
        UserError: the folder or its classes are missing, or a file is not the image that its name says.
    """
    if image_size is None:
        raise UserError("data.image_size=null: photographs differ in size; give a number of pixels, such as 224")
    folder = _locate(path, root)
    if (folder / "train").is_dir():
        classes, splits = _given_splits(folder, image_size)
    else:
        classes = _class_names(folder)
        splits = _with_test(_scan(folder, classes, image_size), test, seed)
    inputs = Image(3, image_size, image_size, IMAGENET_MEAN, IMAGENET_STD, resize=resize)
    spec = DataSpec(inputs, Classes(classes), "classification")
    size = sum(len(split) for split in splits.values()) * 3 * (image_size**2 if resize is None else 1.5 * resize**2)
    if resize is not None:
        splits = {name: WholeFiles(one.paths, one.targets, image_size, resize) for name, one in splits.items()}
    if in_memory is True or (in_memory == "auto" and size <= IN_MEMORY_BYTES):
        return Data(spec, **{name: _decoded(split) for name, split in splits.items()})
    return Data(spec, **splits)


def _locate(path: str, root: Path) -> Path:
    candidates = dict.fromkeys((root / Path(path).expanduser(), Path(path).expanduser().absolute()))
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise UserError(f"data.path={path}: no such folder (looked for {' and '.join(map(str, candidates))})")


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


def _with_test(everything: FileSplit, test: float, seed: int) -> dict[str, FileSplit]:
    if test == 0:
        return {"train": everything}
    kept, held = hold_out(len(everything), everything.strata, test, seed, "test")
    if not len(held):
        raise UserError(f"data.test={test:g}: no class has two images, so none can be held out; set data.test=0")
    return {"train": everything.subset(kept), "test": everything.subset(held)}


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


def _decoded(split: FileSplit) -> TensorSplit:
    if isinstance(split, WholeFiles):
        with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
            return split.in_tensors(list(pool.map(split.decoded, range(len(split)))))
    images = torch.empty(len(split), 3, split.image_size, split.image_size, dtype=torch.uint8)

    def fill(index: int) -> None:
        images[index] = decode(split.paths[index], (split.image_size, split.image_size))

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(split))):  # raises what a thread raised
            pass
    return TensorSplit(images, split.targets)
