"""Official table files, by their place below the folder of all data sets: where they are to be had, and what else they
are called."""

from pathlib import Path

from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY, md5, read_bytes
from dl_runner.errors import UserError

_BOOK = ("http://d2l-data.s3-accelerate.amazonaws.com/",)  # of Dive into Deep Learning
_HANDS_ON = ("https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/",)


FILES = {
    "house_prices/train.csv": Remote("kaggle_house_pred_train.csv", "80ccab65fb115cbad143dbbd2bcd5577", _BOOK),
    "house_prices/test.csv": Remote("kaggle_house_pred_test.csv", "dcec4b79bf9c7317bd9e17789bf888f0", _BOOK),
    "california_housing/housing.csv": Remote("housing.csv", "926e9da0bad793e03c119a4f5809f65c", _HANDS_ON),
    "airfoil/airfoil_self_noise.dat": Remote("airfoil_self_noise.dat", "b12d5b7b475ec7b3971d97f21e377414", _BOOK),
}


def locate(path: str, root: Path, *, download: bool) -> Path:
    """The file that a data.path names; an official one is looked for under both of its names, and downloaded.

    Raises:
        UserError: there is none, or an official file is damaged.
    """
    places = list(dict.fromkeys((root / Path(path).expanduser(), Path(path).expanduser().absolute())))
    found = next((place for place in places if place.is_file()), None)
    remote = FILES.get(path)
    if found is None and remote is not None:
        folder = (root / path).parent
        found = folder / remote.name
        try:
            obtain([] if found.is_file() else [remote], folder, root, download=download)
        except UserError as error:
            either = f"; {Path(path).name} is taken as well" if Path(path).name != remote.name else ""
            raise UserError(f"{error}{either}") from None
        if (digest := md5(read_bytes(found))) != remote.digest:
            raise UserError(f"{found}: damaged (md5 {digest}, expected {remote.digest}); {REMEDY}")
    folder = next((place for place in places if place.is_dir()), None)
    if found is None and folder is not None:
        raise UserError(f"data.path={path}: is a folder ({folder}); name a file in it")
    if found is None:
        raise UserError(f"data.path={path}: no such file (looked for {' and '.join(map(str, places))})")
    return found
