"""What `dlrun predict` gives a task, and what it gets.

A task that predicts has a method `predict(model, inputs, *, …) → rows`. `inputs` are the command line's texts: names
of files, or texts themselves; from Python they may be a tensor of examples as well, which `read_inputs` takes. The
keywords with their annotations are the options of the command line. A row is a dict from a column's name to what is
shown in it: a text or number, or a picture, uint8 (height, width, 3), which is written to a file. A method `tabulate`
of the same form may say what `--out FILE.csv` holds instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Tensors, call, first_tensor, map_tensors
from dl_runner.data.images import MODES, decode
from dl_runner.data.preparation import preparation, to_input
from dl_runner.errors import UserError
from dl_runner.runtime.progress import tracked
from dl_runner.spec import Columns, DataSpec, Image, Tokens, Vector, reads_tokens

Row = dict[str, Any]
AT_ONCE = 2**20  # numbers that a model reads or gives at a time


@dataclass(frozen=True)
class Asked:
    """A user's inputs.

    Args:
        rows: of each, the columns that name it.
        inputs: as a split holds them, on the host.
    """

    rows: list[Row]
    inputs: Tensors


def check_inputs(inputs: Sequence[str], spec: DataSpec) -> None:
    """Check that there is something to predict from.

    Raises:
        UserError: there is not; says what a model of such data reads.
    """
    kinds = {
        Image: "picture files, as in dlrun predict RUN a.png",
        Columns: "table files, as in dlrun predict RUN a.csv",
    }
    what = {"language_model": "texts to go on with", "translation": "sentences to translate"}.get(spec.task, "texts")
    example = "go ." if spec.task == "translation" else "the time traveller"
    text = f"{what}, as in dlrun predict RUN '{example}', a file of them, one a line, or - for standard input"
    if not inputs:
        asked = kinds.get(type(spec.inputs), text if reads_tokens(spec) else "inputs of your own")
        raise UserError(f"predict: needs {asked}")


Inputs = Sequence[str] | Tensor  # names of files, or texts; or examples: pictures or vectors


def read_inputs(
    inputs: Inputs, spec: DataSpec, fitted: Any = None, invert: bool = False, white: float | None = None
) -> Asked:
    """Picture files, texts, or the rows of table files; or examples that are a tensor already.

    Args:
        fitted: what was fitted to the training data; it reads tables, and its `read_texts` makes tokens of texts.
        invert: swap dark and light of pictures.
        white: of pictures; as for `load_image`.

    Raises:
        UserError: a file that is not what the model takes.
    """
    if isinstance(inputs, Tensor):
        return Asked([{"example": place} for place in range(len(inputs))], 255 - inputs if invert else inputs)
    if isinstance(spec.inputs, Tokens):
        if invert or white:
            raise UserError(f"--{'invert' if invert else 'white'}: is for pictures, and the model takes texts")
        if not hasattr(fitted, "read_texts"):
            raise UserError("predict: these data do not say how a text becomes tokens, or fitted.json is missing")
        return Asked([{"text": text} for text in inputs], fitted.read_texts(inputs))
    if not isinstance(spec.inputs, Columns):
        return Asked([{"picture": path} for path in inputs], load_images(inputs, spec, invert, white))
    if fitted is None:
        raise UserError("predict: this task does not say what its tables' columns are; it has to take `fitted`")
    if invert or white:
        raise UserError(f"--{'invert' if invert else 'white'}: is for pictures, and the model takes rows of tables")
    read = [fitted.read(Path(path)) for path in inputs]
    names = [row for rows, _ in read for row in rows]
    return Asked(names, {name: torch.cat([tensors[name] for _, tensors in read]) for name in read[0][1]})


def ask(model: nn.Module, asked: Asked, spec: DataSpec) -> Tensor:
    """What the model gives for a user's inputs, on the host; a part of them at a time."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    prepare, size = preparation(spec, device), max(1, AT_ONCE // spec.values)
    outputs = []
    for start in range(0, len(first_tensor(asked.inputs)), size):
        part = map_tensors(asked.inputs, lambda one, low=start: one[low : low + size].to(device))
        outputs.append(call(model, prepare((part, torch.empty(0)))[0]).cpu())
    return torch.cat(outputs)


def examples(inputs: Any, spec: DataSpec) -> Tensor:
    """Pictures or vectors of a user's program as a split holds them.

    Args:
        inputs: a tensor or an array: uint8 pictures (n, height, width) or (n, channels, height, width), or numbers
            (n, size).

    Raises:
        UserError: other shapes or types than the data's, or data that are neither pictures nor vectors.
    """
    given = torch.as_tensor(inputs)
    kind, shape = spec.inputs, tuple(given.shape)
    if isinstance(kind, Image):
        if given.dim() == 3 and kind.channels == 1:
            given = given[:, None]
        if given.dtype == torch.uint8 and tuple(given.shape[1:]) == kind.shape and len(given):
            return given.contiguous()
        wanted = f"uint8 pictures of shape (n, {', '.join(map(str, kind.shape))})"
    elif isinstance(kind, Vector):
        numbers = given.is_floating_point() or (not given.is_complex() and given.dtype != torch.bool)
        if numbers and shape[1:] == kind.shape and len(given):
            return given.to(torch.get_default_dtype())
        wanted = f"numbers of shape (n, {kind.size})"
    else:
        raise UserError(f"predict: the model reads {type(kind).__name__}, not an array; give texts or names of files")
    raise UserError(f"predict: the model reads {wanted}, not {str(given.dtype).removeprefix('torch.')} of {shape}")


def load_image(path: Path, spec: DataSpec, white: float | None = None) -> Tensor:
    """A picture file as one example of the data: uint8, (channels, height, width), decoded as training images are.

    Args:
        white: the value that is white in a file of more than 8 bits a channel; None for the data's own.

    Raises:
        UserError: the file is missing or no readable picture, or the data are no grey or RGB images.
    """
    if not isinstance(spec.inputs, Image) or spec.channels not in MODES:
        raise UserError(f"{path}: the model takes {type(spec.inputs).__name__.lower()}s, not grey or RGB pictures")
    return decode(path, spec.input_shape[1:], spec.channels, white or spec.inputs.white, spec.inputs.resize)


def load_images(paths: Sequence[str], spec: DataSpec, invert: bool = False, white: float | None = None) -> Tensor:
    """Picture files, uint8 (n, channels, height, width).

    Args:
        invert: swap dark and light.
        white: as for `load_image`.

    Raises:
        UserError: as for `load_image`.
    """
    pictures = torch.stack([load_image(Path(path), spec, white) for path in tracked(paths, "decoding pictures")])
    return 255 - pictures if invert else pictures


def run_on_images(model: nn.Module, pictures: Tensor, spec: DataSpec) -> Tensor:
    """The model's outputs for pictures, uint8, on the device where the model is."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    return model(to_input(pictures.to(device), spec))


def shown_again(inputs: Tensor, spec: DataSpec) -> Tensor:
    """The pictures of a batch's inputs without normalization: uint8 (n, channels, height, width), on the host."""
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (spec.inputs.mean, spec.inputs.std))
    return (inputs.detach().float().cpu() * std + mean).mul(255).round().clamp(0, 255).byte()
