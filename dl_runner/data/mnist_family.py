"""The four files that MNIST and its drop-in replacements share: names, sizes, checks, layout of the folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY, md5
from dl_runner.data.idx import read_idx
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image

SIDE = 28
OFFICIAL_EXAMPLES = {"train": 60_000, "t10k": 10_000}
IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"


@dataclass(frozen=True)
class Family:
    """One data set in the format of MNIST.

    Args:
        folder: its place under the root, that of torchvision.
        classes: ten names in label order.
        mean, std: of the training pixels in 0..1.
        mirrors: addresses of folders that hold the gzipped files.
        md5: file name to digest, of the gzipped files as published.
        md5_unpacked: file name to digest, of the same without gzip.
    """

    folder: str
    classes: tuple[str, ...]
    mean: float
    std: float
    mirrors: tuple[str, ...]
    md5: dict[str, str]
    md5_unpacked: dict[str, str]

    def load(self, root: Path, *, download: bool) -> Data:
        """The official train and test split, uint8 (n, 1, 28, 28); missing files are downloaded if `download`.

        Smaller files of the same format are taken as they are; of the official size, only the official content is.

        Raises:
            UserError: files are missing, damaged, swapped, or do not belong together.
        """
        folder = root / self.folder
        missing = [name for name in self.md5_unpacked if not self._candidates(folder, name)]
        obtain(
            [Remote(f"{name}.gz", self.md5[f"{name}.gz"], self.mirrors) for name in missing],
            folder,
            root,
            download=download,
        )
        spec = DataSpec(Image(1, SIDE, SIDE, (self.mean,), (self.std,)), Classes(self.classes), "classification")
        return Data(spec, train=self._split(folder, "train"), test=self._split(folder, "t10k"))

    def _split(self, folder: Path, part: str) -> TensorSplit:
        images_path, images = self._read(folder, IMAGES.format(part), 3, part)
        labels_path, labels = self._read(folder, LABELS.format(part), 1, part)
        if images.shape[1:] != (SIDE, SIDE):
            raise UserError(f"{images_path}: images of {images.shape[1]}x{images.shape[2]}, expected 28x28; {REMEDY}")
        if len(images) != len(labels) or not len(images):
            raise UserError(
                f"{images_path} holds {len(images)} images but {labels_path.name} {len(labels)} labels; "
                "put the two official files of one data set there"
            )
        if labels.max() >= len(self.classes):
            raise UserError(f"{labels_path}: label {labels.max()}, expected 0 to {len(self.classes) - 1}; {REMEDY}")
        # A copy makes the pixels writable memory of their own; those of a read-only buffer are not torch's to keep.
        return TensorSplit(torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype(np.int64)))

    def _read(self, folder: Path, name: str, rank: int, part: str) -> tuple[Path, np.ndarray]:
        path = self._candidates(folder, name)[0]
        values, content = read_idx(path, rank)
        found, official = md5(content), self.md5_unpacked[name]
        other = next((file for file, digest in self.md5_unpacked.items() if digest == found and file != name), None)
        if other:
            raise UserError(f"{path}: holds the content of {other}; give both files their right names")
        if len(values) == OFFICIAL_EXAMPLES[part] and values.shape[1:] in ((), (SIDE, SIDE)) and found != official:
            raise UserError(
                f"{path}: damaged, or of another data set: md5 {found} (unpacked), expected {official}; {REMEDY}"
            )
        return path, values

    @staticmethod
    def _candidates(folder: Path, name: str) -> list[Path]:
        """The files of that name that exist, unpacked before gzipped."""
        return [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
