"""A translator's most probable sentences, by beam search.

Scores are those of Dive into Deep Learning, section 9.8 (10.8 in English): log p(sentence) / L^α, L its number of
tokens, <eos> included. A sentence that ends takes a place of the beam with it, so that a beam of one is greedy search,
and one that has a place for every sentence is an exhaustive one. <pad> and <bos> are never written.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from dl_runner.data.vocabulary import BOS, EOS, PAD
from dl_runner.layers.encoder_decoder import EncoderDecoder, select_rows
from dl_runner.tasks.task import full_precision

# Tokens after which it is asked whether all sentences have ended: a GPU, which has to be waited for, seldom.
LOOK = {"cpu": 1, "cuda": 8}


class Decoded(NamedTuple):
    """A sentence.

    Args:
        tokens: without <bos> and <eos>.
        score: log p / L^α.
        ended: whether it came to its <eos>, rather than to the longest length.
    """

    tokens: list[int]
    score: float
    ended: bool


def search(
    model: EncoderDecoder, source: Tensor, *, longest: int, beam: int = 1, penalty: float = 0.75
) -> list[Decoded]:
    """The best sentence found for each source.

    Args:
        model: in evaluation mode.
        source: int64 (batch, S), <pad> behind the shorter ones.
        longest: tokens of a sentence, <eos> included, >= 1.
        beam: beginnings that are kept in each step, >= 1.
        penalty: α, >= 0; 0 prefers short sentences, 1 compares means over the tokens.
    """
    batch, device = len(source), source.device
    first = torch.arange(batch, device=device).unsqueeze(1) * beam  # the first row of each sentence
    state = select_rows(model.begin(source), torch.arange(batch, device=device).repeat_interleave(beam))
    look = LOOK.get(device.type, 1)
    # The beginnings of each sentence: their log p, -inf for a place that is free; one at first, the empty one.
    scores = torch.full((batch, beam), -torch.inf, device=device)
    scores[:, 0] = 0.0
    written = torch.full((batch, beam, longest), EOS, device=device)
    last = torch.full((batch * beam, 1), BOS, device=device)
    best = torch.full((batch,), -torch.inf, device=device)
    found, ended = torch.full((batch, longest), EOS, device=device), torch.zeros(batch, dtype=torch.bool, device=device)
    places = torch.full((batch, 1), beam, device=device)
    for length in range(1, longest + 1):
        logits, state = model.go_on(last, state)
        after = full_precision(logits[:, -1]).log_softmax(-1).view(batch, beam, -1)  # (batch, beam, vocabulary)
        after[..., PAD : BOS + 1] = -torch.inf
        vocabulary = after.shape[-1]
        scores, chosen = (scores.unsqueeze(-1) + after).flatten(1).topk(beam)
        before, tokens = chosen // vocabulary, chosen % vocabulary
        written = written.gather(1, before.unsqueeze(-1).expand(-1, -1, longest))
        written[:, :, length - 1] = tokens
        scores = scores.masked_fill(torch.arange(beam, device=device) >= places, -torch.inf)

        ends = (tokens == EOS) & scores.isfinite()
        complete = ends if length < longest else scores.isfinite()
        values, which = (scores / length**penalty).masked_fill(~complete, -torch.inf).max(1)
        better = values > best
        best = torch.where(better, values, best)
        found = torch.where(better.unsqueeze(1), written[torch.arange(batch, device=device), which], found)
        ended = torch.where(better, ends.gather(1, which.unsqueeze(1)).squeeze(1), ended)
        places = places - ends.sum(1, keepdim=True)
        scores = scores.masked_fill(ends, -torch.inf)
        # log p only falls: what goes on comes to no more than this.
        if length == longest or (length % look == 0 and bool((scores.amax(1) / longest**penalty <= best).all())):
            break
        last = tokens.view(-1, 1)
        if beam > 1:
            state = select_rows(state, (first + before).flatten())
    lists = zip(found.tolist(), best.tolist(), ended.tolist(), strict=True)
    return [Decoded(tokens[: tokens.index(EOS)] if EOS in tokens else tokens, *rest) for tokens, *rest in lists]
