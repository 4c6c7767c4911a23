"""CIFAR-10: 60,000 colour photographs, 32x32. Krizhevsky, "Learning Multiple Layers of Features", 2009."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dl_runner.data.arrays_pickle import load_arrays
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY, copy_stream, md5, read_bytes
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image

ARCHIVE = Remote("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", ("https://www.cs.toronto.edu/~kriz/",))
FOLDER = "cifar-10-batches-py"
TRAIN = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST = {"test_batch": "40351d587109b95175f43aff81a1287e"}
NAMES = "batches.meta"
OFFICIAL_EXAMPLES = 10_000  # in each file
SHAPE = (3, 32, 32)


def cifar10(root: Path, *, download: bool = True) -> Data:
    """50,000 training and 10,000 test images from root/cifar-10-batches-py, uint8 (n, 3, 32, 32); ten classes.

    Missing files come from root/cifar-10-python.tar.gz, which is downloaded if need be. Smaller files of the same
    format are taken as they are; of the official size, only the official content is.

    Raises:
        UserError: files are missing, damaged, or hold anything but images and labels.
    """
    folder = root / FOLDER
    missing = [name for name in (*TRAIN, *TEST, NAMES) if not (folder / name).is_file()]
    if missing:
        if not (root / ARCHIVE.name).is_file():
            obtain([ARCHIVE], root, root, download=download)
        _unpack(root / ARCHIVE.name, folder, missing)
    classes = _class_names(folder / NAMES)
    spec = DataSpec(
        Image(*SHAPE, mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)), Classes(classes), "classification"
    )
    return Data(spec, train=_split(folder, TRAIN, len(classes)), test=_split(folder, TEST, len(classes)))


def _unpack(archive: Path, folder: Path, names: list[str]) -> None:
    """Takes just `names` out of the archive, each written whole; nothing in it can choose where it goes."""
    if md5(read_bytes(archive)) != ARCHIVE.digest:
        raise UserError(f"{archive}: damaged (its md5 is not {ARCHIVE.digest}); delete it to download it again")
    try:
        with tarfile.open(archive) as tar:
            for name in names:
                copy_stream(tar.extractfile(f"{FOLDER}/{name}"), folder / name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); unpack {archive} there yourself") from error


def _class_names(path: Path) -> tuple[str, ...]:
    names = _field(load_arrays(path)[0], "label_names", path)
    if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: label_names is not a list of class names; {REMEDY}")
    return tuple(names)


def _split(folder: Path, files: dict[str, str], classes: int) -> TensorSplit:
    parts = [_batch(folder / name, digest, classes) for name, digest in files.items()]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return TensorSplit(torch.from_numpy(images.reshape(-1, *SHAPE)), torch.from_numpy(labels))


def _batch(path: Path, digest: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """One official file: pixels uint8 (n, 3072), red, green, blue plane by plane; labels int64 (n,)."""
    batch, content = load_arrays(path)
    pixels, labels = _field(batch, "data", path), _field(batch, "labels", path)
    size = int(np.prod(SHAPE))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (size,):
        raise UserError(f"{path}: its data are not rows of {size} bytes; {REMEDY}")
    if not isinstance(labels, list) or len(labels) != len(pixels) or not len(labels):
        raise UserError(f"{path}: {len(pixels)} images without as many labels; {REMEDY}")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise UserError(f"{path}: a label is not a number from 0 to {classes - 1}; {REMEDY}")
    if len(pixels) == OFFICIAL_EXAMPLES and md5(content) != digest:
        raise UserError(f"{path}: damaged: md5 {md5(content)}, expected {digest}; {REMEDY}")
    return pixels, np.array(labels, np.int64)


def _field(content: Any, key: str, path: Path) -> Any:
    if not isinstance(content, dict) or key not in content:
        raise UserError(f"{path}: holds no {key}; {REMEDY}")
    return content[key]
