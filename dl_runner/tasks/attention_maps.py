"""What a translator looks at while it writes a sentence, as pictures."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dl_runner.data.fitted.text_pair import FittedPair
from dl_runner.data.vocabulary import BOS, EOS, PAD
from dl_runner.errors import UserError
from dl_runner.report.heat_map import heat_maps


def attention_maps(
    model: nn.Module, fitted: FittedPair, source: Sequence[int], written: Sequence[int]
) -> dict[str, Callable[[], np.ndarray]]:
    """What draws heat maps of each attention of a model, a map for each head; {} for a model without any.

    Args:
        model: in evaluation mode; its `attention` is told in `dl_runner.layers.encoder_decoder`.
        source: tokens and <eos>.
        written: its translation, without special tokens.

    Returns:
        "source": from the words of the translation, each at its place of writing, to the source's; "target": from the
        words that were read to those before them; "encoder": among the source's. uint8 (height, width, 3).
    """
    if not hasattr(model, "attention"):
        return {}
    longest = fitted.target.longest
    read, writes = [BOS, *written][:longest], [*written, EOS][:longest]
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    weights = model.attention(torch.tensor([source], device=device), torch.tensor([read], device=device))
    sources, targets = fitted.source.words(source), fitted.target.words(read)
    axes = {
        "source": (fitted.target.words(writes), sources),
        "target": (targets, targets),
        "encoder": (sources, sources),
    }
    found = {}
    for name, one in weights.items():
        maps = one[0].float().cpu().numpy()  # (heads, places, places)
        titles = [f"head {head}" for head in range(1, len(maps) + 1)] if len(maps) > 1 else [""]
        found[name] = partial(heat_maps, maps, *axes[name], titles)
    return found


def attention_files(model: nn.Module, asked: str | None, sentences: int) -> list[Path | None]:
    """The file of each sentence's picture of its attention to the source: FILE.png, or FILE_1.png, … of several.

    Raises:
        UserError: the model has no such attention, or the file is no PNG.
    """
    if asked is None:
        return [None] * sentences
    path = Path(asked)
    if not hasattr(model, "attention"):
        raise UserError(f"--attention {asked}: the model has no attention that could be drawn; leave it out")
    if path.suffix.lower() != ".png":
        raise UserError(f"--attention {asked}: is drawn as a PNG; name a file that ends in .png")
    return [path] if sentences == 1 else [path.with_stem(f"{path.stem}_{number + 1}") for number in range(sentences)]


def unpadded(tokens: Sequence[int]) -> list[int]:
    """A row of a batch without what fills it up."""
    return [token for token in tokens if token != PAD]
