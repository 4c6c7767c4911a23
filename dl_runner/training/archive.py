"""Files of torch.save, written with a reason where they cannot be, and read whole and without running code."""

import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch


def load_archive(path: Path) -> Any:
    """What a file of torch.save holds, whole and without running code from it; tensors on the processor.

    Raises:
        Exception: of any kind, for a damaged file or one that holds anything but containers and tensors.
    """
    # torch does not check the sums of the archive's members: a flipped bit would become a wrong weight.
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(f"{damaged} is damaged")
    return torch.load(path, map_location="cpu", weights_only=True)


class _Disk:
    """A file for `torch.save`, which tells what it was not prepared for as "unexpected pos": keeps the reason."""

    def __init__(self, file: BinaryIO) -> None:
        self.write_to, self.flush, self.error = file.write, file.flush, None

    def write(self, data: Any) -> int:
        try:
            return self.write_to(data)
        except OSError as error:
            self.error = error
            raise


def save_archive(content: Any, path: Path) -> None:
    """Write containers and tensors.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("wb") as file:
        disk = _Disk(file)
        try:
            torch.save(content, disk)
        except RuntimeError:
            if disk.error is None:
                raise
            raise disk.error from None
