"""Files that let a run go on: the whole state in one, the weights alone in another.

A checkpoint is a dict of plain containers and tensors, read with `weights_only`, so a stranger's file runs no
code. Both kinds are written beside their place, synced and renamed: a kill at any moment leaves the old file or
the new one. Both carry checksums, and say of which run they are.

last.pt names the step of the best weights so far. Those of a better evaluation after it may be on disk when a run is
killed, and the run that goes on from last.pt need not come to them again: until the next last.pt, the ones that it
names are kept under another name.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dl_runner.errors import UserError
from dl_runner.runtime.checksums import RECORD, read_record
from dl_runner.runtime.files import atomic_path, utf8_path, writing
from dl_runner.spec import DataSpec
from dl_runner.training.archive import load_archive, save_archive
from dl_runner.training.seal import BLANK, KEY, intact, seal

VERSION = 3
Which = Literal["best", "last", "ema"]  # the last: of callback=ema


@dataclass(frozen=True)
class Origin:
    """Where weights are from: the run's id and the step; both None in files of before."""

    run: str | None = None
    step: int | None = None


class Checkpoints:
    """The checkpoint files of one run folder: last.pt (everything), last and best weights (safetensors)."""

    def __init__(self, folder: Path) -> None:
        self._run_folder, self.folder = folder, folder / "checkpoints"

    @property
    def last(self) -> Path:
        return self.folder / "last.pt"

    @property
    def _named_by_last(self) -> Path:
        """The best weights when last.pt was written, where best.safetensors holds later ones."""
        return self.folder / "best.before.safetensors"

    def weights(self, which: Which) -> Path:
        """The weight file of "best", "last" or "ema"."""
        return self.folder / f"{which}.safetensors"

    def save(self, state: dict[str, Any]) -> None:
        """Replace last.pt.

        Raises:
            WriteFailed: it stays as it was.
        """
        with writing(self.last):
            self.folder.mkdir(exist_ok=True)
            with atomic_path(self.last) as temporary:
                save_archive({"version": VERSION, **state}, temporary)
        self._named_by_last.unlink(missing_ok=True)

    def load(self) -> dict[str, Any]:
        """The state in last.pt, tensors on the processor.

        Raises:
            UserError: there is none, or it is damaged, of another version or of another run.
        """
        if not self.last.exists():
            raise UserError(f"{self.last}: no checkpoint; the run was stopped before its first, so start it anew")
        try:
            state = load_archive(self.last)
        except Exception:  # torch.load promises no kind, and its texts recommend unsafe loading
            raise UserError(f"{self.last}: damaged or no checkpoint of ours; start the run anew") from None
        if not isinstance(state, dict) or state.get("version") != VERSION:
            raise UserError(
                f"{self.last}: written by another version of dl_runner, so this one cannot go on with it; "
                "start it anew (`dlrun compare` and `dlrun evaluate` still read it)"
            )
        self._require_own(self.last, state.get("run"))
        return state

    def save_weights(
        self, which: Which, model: nn.Module, spec: DataSpec, origin: Origin | None = None, *, keep: bool = True
    ) -> None:
        """Replace the weight file of "best", "last" or "ema"; the data's spec and the origin travel in its metadata.

        Args:
            keep: whether the best weights that last.pt names are others, to be kept.

        Raises:
            WriteFailed: it stays as it was.
        """

        origin = origin or Origin()
        said = {"data": json.dumps(spec.to_dict()), "weights": which, KEY: BLANK}
        said |= {name: str(value) for name, value in vars(origin).items() if value is not None}
        path = self.weights(which)
        with writing(path):
            self.folder.mkdir(exist_ok=True)
            with atomic_path(path) as temporary:
                _save_model(model, temporary, said)
                seal(temporary)
                if which == "best" and keep and path.exists() and not self._named_by_last.exists():
                    _second_name(path, self._named_by_last)
        if not keep:
            self._named_by_last.unlink(missing_ok=True)

    def require(self, which: Which, step: int | None = None) -> Path:
        """The weight file of "best", "last" or "ema", which is whole and this run's own.

        Args:
            step: that the weights must be of; None for any.

        Raises:
            UserError: it is missing, damaged, of another run or of another step.
        """
        return self._require(self.weights(which), which, step)

    def _require(self, path: Path, which: Which, step: int | None) -> Path:
        metadata = read_metadata(path)
        self._require_own(path, metadata.get("run"))
        found = metadata.get("step")  # nothing in files of before
        if metadata.get("weights", which) != which or (found and step is not None and found != str(step)):
            raise UserError(
                f"{path}: holds other weights, the {metadata.get('weights')} ones of step {found}; restore the file, "
                "or train anew"
            )
        return path

    def _require_own(self, path: Path, run: str | None) -> None:
        record = self._run_folder / RECORD
        if record.exists() and read_record(self._run_folder).get("id") != run:
            raise UserError(f"{path}: is of another run than {record}; restore the one that does not belong here")

    def go_back_to_best(self, step: int | None) -> None:
        """Make best.safetensors what it was when last.pt was written.

        Args:
            step: of the best weights, as last.pt says; None if there were none.

        Raises:
            UserError: no file holds these weights whole; nothing has been changed.
        """
        best, before = self.weights("best"), self._named_by_last
        if step is None:
            best.unlink(missing_ok=True)
        elif before.exists() and read_metadata(before).get("step") == str(step):
            self._require(before, "best", step).replace(best)
        else:
            self.require("best", step)
        before.unlink(missing_ok=True)


def _second_name(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # a file system without hard links
        with atomic_path(other) as temporary:
            shutil.copyfile(path, temporary)


def _save_model(model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        with utf8_path(path.parent) as folder:  # the library replaces the file, and would replace a link to it
            save_file(own_tensors(model)[0], str(folder / path.name), metadata=metadata)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


def own_tensors(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A model's tensors, each once and in a storage of its own; and the other names of tied ones.

    The library's own functions for models refuse tensors that are parts of a larger one, as the weights of recurrent
    layers are on a GPU, where cuDNN has them in one piece.

    Returns:
        tensors by name, and name → the name under which a tied one is among them.
    """
    tensors: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    names: dict[tuple, str] = {}
    for name, tensor in sorted(model.state_dict().items()):
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and place in names:
            tied[name] = names[place]
            continue
        names[place] = name
        whole = tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
        tensors[name] = tensor if whole else tensor.clone(memory_format=torch.contiguous_format)
    return tensors, tied


def load_weights(path: Path, model: nn.Module) -> None:
    """Copy the weights of a safetensors file into a model of the same architecture.

    Raises:
        UserError: no such file, a damaged one, or one of another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with utf8_path(path) as name:
            found = load_file(str(name))
        tied = {name: other for name, other in own_tensors(model)[1].items() if other in found}
        model.load_state_dict({**found, **{name: found[other] for name, other in tied.items()}})
    except OSError:
        raise UserError(f"{path}: no such weight file; has the run reached its first checkpoint?") from None
    except (SafetensorError, RuntimeError):
        raise UserError(f"{path}: damaged, or the weights of another model than its run's config.yaml says") from None


def read_metadata(path: Path) -> Mapping[str, str]:
    """What a whole weight file says of itself, texts by name: data, weights (best or last), run, step.

    Raises:
        UserError: no such file, a damaged one, or no weight file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        whole = intact(path)
        with utf8_path(path) as name, safe_open(str(name), framework="pt") as file:
            metadata = file.metadata() or {}
    except OSError:
        raise UserError(f"{path}: no such weight file; has the run reached its first checkpoint?") from None
    except (SafetensorError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged or no weight file of ours ({error})") from None
    if whole is False or (whole is None and "weights" in metadata):
        raise UserError(f"{path}: damaged, not as the run wrote it; restore it, or train anew")
    return metadata


def read_spec(path: Path) -> DataSpec:
    """The data spec that a weight file was trained on.

    Raises:
        UserError: no such file, or one without a spec.
    """
    try:
        return DataSpec.from_dict(json.loads(read_metadata(path)["data"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged or no weight file of ours ({error})") from None
