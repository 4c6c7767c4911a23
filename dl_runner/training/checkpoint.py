"""Files that let a run go on: the whole state in one, the weights alone in another.

A checkpoint is a dict of plain containers and tensors, read with `weights_only`, so a stranger's file runs no
code. Both kinds are written beside their place, synced and renamed: a kill at any moment leaves the old file or
the new one.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dl_runner.errors import UserError
from dl_runner.runtime.files import atomic_path, utf8_path
from dl_runner.spec import DataSpec

VERSION = 3


class Checkpoints:
    """The checkpoint files of one run folder: last.pt (everything), last and best weights (safetensors)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkpoints"

    @property
    def last(self) -> Path:
        return self.folder / "last.pt"

    def weights(self, which: str) -> Path:
        """The weight file of "best" or "last"."""
        return self.folder / f"{which}.safetensors"

    def save(self, state: dict[str, Any]) -> None:
        """Replace last.pt."""
        self.folder.mkdir(exist_ok=True)
        with atomic_path(self.last) as temporary:
            torch.save({"version": VERSION, **state}, temporary)

    def load(self) -> dict[str, Any]:
        """The state in last.pt, tensors on the processor.

        Raises:
            UserError: there is none, or it is damaged or of another version.
        """
        if not self.last.exists():
            raise UserError(f"{self.last}: no checkpoint; the run was stopped before its first, so start it anew")
        try:
            # torch does not check the sums of the archive's members: a flipped bit would become a wrong weight.
            with zipfile.ZipFile(self.last) as archive:
                damaged = archive.testzip() is not None
            state = None if damaged else torch.load(self.last, map_location="cpu", weights_only=True)
        except Exception:  # torch.load promises no kind, and its texts recommend unsafe loading
            damaged = True
        if damaged:
            raise UserError(f"{self.last}: damaged or no checkpoint of ours; start the run anew")
        if not isinstance(state, dict) or state.get("version") != VERSION:
            raise UserError(
                f"{self.last}: written by another version of dl_runner, so this one cannot go on with it; "
                "start it anew (`dlrun compare` and `dlrun evaluate` still read it)"
            )
        return state

    def save_weights(self, which: str, model: nn.Module, spec: DataSpec) -> None:
        """Replace the weight file of "best" or "last"; the data's spec travels in its metadata."""
        from safetensors.torch import save_model

        self.folder.mkdir(exist_ok=True)
        with atomic_path(self.weights(which)) as temporary:
            save_model(model, str(temporary), metadata={"data": json.dumps(spec.to_dict())})


def load_weights(path: Path, model: nn.Module) -> None:
    """Copy the weights of a safetensors file into a model of the same architecture.

    Raises:
        UserError: no such file, a damaged one, or one of another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_model

    try:
        with utf8_path(path) as name:
            load_model(model, str(name))
    except OSError:
        raise UserError(f"{path}: no such weight file; has the run reached its first checkpoint?") from None
    except (SafetensorError, RuntimeError):
        raise UserError(f"{path}: damaged, or the weights of another model than its run's config.yaml says") from None


def read_spec(path: Path) -> DataSpec:
    """The data spec that a weight file was trained on.

    Raises:
        UserError: no such file, or one without a spec.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with utf8_path(path) as name, safe_open(str(name), framework="pt") as file:
            return DataSpec.from_dict(json.loads(file.metadata()["data"]))
    except OSError:
        raise UserError(f"{path}: no such weight file; has the run reached its first checkpoint?") from None
    except (SafetensorError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged or no weight file of ours ({error})") from None
