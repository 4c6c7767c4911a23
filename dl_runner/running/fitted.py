"""fitted.json of a run folder: what was learnt from the training data before the training, such as a vocabulary."""

from pathlib import Path

from dl_runner import registry
from dl_runner.data.dataset import FITTED, Data, Fitted
from dl_runner.errors import UserError
from dl_runner.runtime.checksums import read_checked
from dl_runner.runtime.files import parse_json, to_json, write_atomic, writing


def write_fitted(folder: Path, data: Data) -> list[str]:
    """Write the file, if there is anything to keep; the names of the files written."""
    if data.fitted is None:
        return []
    with writing(folder / FITTED):
        write_atomic(folder / FITTED, to_json(data.fitted.state_dict()) + "\n")
    return [FITTED]


def read_fitted(folder: Path) -> Fitted | None:
    """What the file holds, None where the run has none.

    Raises:
        UserError: it is damaged.
    """
    path = folder / FITTED
    if not path.exists():
        return None
    state = parse_json(path, read_checked(path))
    try:
        return registry.builder("fitted", state["name"])(state)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged ({type(error).__name__}: {error}); restore it, or train anew") from None
