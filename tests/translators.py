"""Small translators whose every weight matters, and sentences for them."""

import torch
from model_specs import ACCEPTED, build_for
from torch import Tensor, nn

from dl_runner.layers.encoder_decoder import EncoderDecoder
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.spec import DataSpec, Fields, Tokens

PAD, BOS, EOS, SOURCES, TARGETS, LONGEST = 1, 2, 3, 13, 11, 9
SPEC = DataSpec(
    Fields.of(source=Tokens(SOURCES, LONGEST, PAD), target=Tokens(TARGETS, LONGEST, PAD)),
    Tokens(TARGETS, LONGEST, PAD),
    "translation",
)
NAMES = [name for name, pairs in ACCEPTED.items() if pairs[0][0] == "pairs"]
SMALL = {name: {"embedding": 5, "hidden": 6, "layers": 2} for name in NAMES}
SMALL["transformer"] = {"width": 8, "hidden": 12, "heads": 2, "layers": 2, "dropout": 0.0}
OTHERS = [  # beside each one of the registry as it is
    ("seq2seq", {"cell": "rnn", "layers": 1}),
    ("seq2seq", {"cell": "lstm"}),
    ("seq2seq", {"deep_output": True}),
    ("bahdanau", {"cell": "lstm", "bidirectional": True}),
    ("bahdanau", {"bidirectional": True, "deep_output": True, "layers": 1}),
    ("transformer", {"norm": "pre", "positions": "learned", "tied": True}),
]
KINDS = [*((name, {}) for name in NAMES), *OTHERS]


def translator(name: str, scratch: bool = False, **options) -> EncoderDecoder:
    """In float64 and evaluation mode; the vector of padding, which is zero in training, is not."""
    model = build_for(name, SPEC, **SMALL[name] | options).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    return (from_scratch(model) if scratch else model).eval()


def sentences(lengths: list[int], vocabulary: int, seed: int = 0) -> Tensor:
    """Random tokens of so many for each, and padding behind them."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(EOS + 1, vocabulary, (len(lengths), max(lengths)), generator=generator)
    return rows.masked_fill(torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None], PAD)


def pair() -> tuple[Tensor, Tensor]:
    """Three sources and the targets from <bos> on, of different lengths."""
    target = sentences([6, 3, 5], TARGETS, seed=1)
    target[:, 0] = BOS
    return sentences([4, 6, 2], SOURCES), target


def piecewise(model: nn.Module, source: Tensor, target: Tensor, pieces: list[int]) -> Tensor:
    """The logits of a target that is read in pieces."""
    state, found = model.begin(source), []
    for piece in target.split(pieces, dim=1):
        logits, state = model.go_on(piece, state)
        found.append(logits)
    return torch.cat(found, 1)
