"""A translator whose probabilities are a table: what comes after each token, the same for every source."""

import torch
from torch import Tensor

from dl_runner.layers.encoder_decoder import EncoderDecoder


class Table(EncoderDecoder):
    """Its logits for a place depend on the token before it, and on the first one of the source.

    Args:
        logits: (sources, vocabulary, vocabulary).
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def begin(self, source: Tensor):
        return (source[:, 0],)

    def go_on(self, tokens: Tensor, state):
        return self.logits[state[0].unsqueeze(1), tokens], state
