"""Reading pickles that hold only numbers and texts, without the power of a pickle to run code.

An ordinary unpickler calls whatever a file names. This one knows three names, those that rebuild a NumPy array.
"""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dl_runner.data.files import REMEDY, read_bytes
from dl_runner.errors import UserError

# NumPy's own module of this function has moved between versions; files keep the name of their time.
RECONSTRUCT = np.empty(0).__reduce__()[0]
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArraysUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which such a file has no use for") from None


def load_arrays(path: Path) -> tuple[Any, bytes]:
    """What a pickle of containers, numbers, texts and NumPy arrays holds, and the bytes of the file.

    Texts of Python 2 are read as latin-1.

    Raises:
        UserError: the file is unreadable, damaged, or holds anything else.
    """
    content = read_bytes(path)
    try:
        return _ArraysUnpickler(BytesIO(content), encoding="latin1").load(), content
    except Exception as error:  # a damaged pickle may raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: damaged or not a data file ({reason}); {REMEDY}") from error
