"""An n-gram language model: the next word's probability from how often it followed the last n − 1 words.

It learns by counting, in one pass over the training text. A context that the text has not, or has seldom, leaves
probability to the next shorter one, down to that of no word at all, and that one to all words alike:

    interpolated  p(w | h) = kept(h, w) + free(h) · p(w | h'), h' the context without its first word
    back-off      p(w | h) = kept(h, w) if w followed h, else α(h) · p(w | h'), so that all add up to 1 (Katz, 1987)

See `dl_runner.layers.ngram_smoothing`; Chen and Goodman (1999) compare them.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.config.types import OpenFraction, Positive, PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.ngram_smoothing import DISCOUNTED, Smoothing, estimated_discounts, given_up
from dl_runner.layers.ngram_table import MISSING, NGramTable, count
from dl_runner.layers.shapes import require_next_tokens
from dl_runner.spec import DataSpec


class NGram(nn.Module):
    """Log-probabilities of the token after each one, and the last n − 1 tokens, which are what it carries on.

    Args:
        order: n, >= 1.
        pseudocount: ε of additive and dirichlet.
        discount: D of those that have one; None to estimate it of the counts of each order.
        backoff: instead of interpolating.
    """

    def __init__(
        self,
        vocabulary: int,
        order: int,
        smoothing: Smoothing,
        pseudocount: float,
        discount: float | None,
        backoff: bool,
    ) -> None:
        super().__init__()
        self.vocabulary, self.order = vocabulary, order
        self.smoothing, self.pseudocount, self.discount, self.backoff = smoothing, pseudocount, discount, backoff
        self.tables = nn.ModuleList(NGramTable(vocabulary) for _ in range(order))
        self.register_buffer("one", torch.ones(()))  # of the type that it computes with

    def fit(self, batches: Iterable[Any]) -> None:
        """Count the n-grams of the training text.

        Args:
            batches: whose windows follow each other; a target < 0 is none.
        """
        pieces = []
        for batch in batches:
            targets = batch.targets.flatten()
            pieces += [targets[targets >= 0]] if pieces else [batch.inputs[0, :1], targets[targets >= 0]]
        count(torch.cat(pieces), self.tables, continuations=self.smoothing.endswith("kneser_ney"))
        for table in self.tables:
            if self.discount is None:
                table.discounts = estimated_discounts(table.counts, modified=self.smoothing.startswith("modified"))
            else:
                table.discounts.fill_(self.discount)

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, length) → (batch, length, vocabulary), (batch, n − 1). Without a state the first places have shorter
        contexts."""
        before = self.order - 1
        state = tokens.new_full((len(tokens), before), MISSING) if state is None else state
        seen = torch.cat([state, tokens], 1)  # (batch, n − 1 + length)
        shares = self._probabilities(seen, before).view(*tokens.shape, self.vocabulary)
        return shares.log_(), seen[:, seen.shape[1] - before :]

    def _probabilities(self, seen: Tensor, first: int) -> Tensor:
        """(rows, vocabulary), after each token of `seen` from the place `first` on."""
        nothing = seen.new_zeros(1)  # the empty context
        uniform = (self.one / self.vocabulary).expand(1, self.vocabulary)
        shares = self._with_longer(uniform.clone(), self.tables[0], nothing)
        shares = shares.repeat(seen[:, first:].numel(), 1)
        contexts = torch.zeros_like(seen)  # numbers of those that end at each place, one word longer in each turn
        for length, (table, longer) in enumerate(zip(self.tables, self.tables[1:], strict=False), 1):
            contexts = table.find(nn.functional.pad(contexts[:, :-1], (1, 0), value=MISSING), seen)
            if self.smoothing == "additive":  # goes by the longest context alone
                oldest = nn.functional.pad(seen[:, : seen.shape[1] - length + 1], (length - 1, 0), value=MISSING)
                shares = torch.where((oldest[:, first:].reshape(-1, 1) == MISSING), shares, uniform)
            shares = self._with_longer(shares, longer, contexts[:, first:].flatten())
        return shares

    def _with_longer(self, shares: Tensor, table: NGramTable, contexts: Tensor) -> Tensor:
        """Probabilities (rows, vocabulary) with contexts one word longer than those of `shares`, which is overwritten.

        Args:
            contexts: their numbers (rows,); MISSING leaves the row as it is.
        """
        rows, words, counts = table.followers(contexts)
        options = len(contexts), table.discounts, self.pseudocount, self.vocabulary
        kept, free = given_up(self.smoothing, counts.to(self.one), rows, *options)
        places = rows * self.vocabulary + words
        if not self.backoff:
            return shares.mul_(free[:, None]).view(-1).index_add_(0, places, kept).view_as(shares)
        left = kept > 0  # a word of which all was taken is as one that never followed
        places, rows, kept = (one[left] for one in (places, rows, kept))
        flat = shares.view(-1)
        flat[places] = 0.0
        rest = shares.sum(1)
        every = rest == 0  # each word followed this context, and there is none to leave anything to
        shares.mul_((free / rest.masked_fill(every, 1.0))[:, None])
        flat[places] = kept / torch.where(every, 1 - free, 1.0)[rows]
        return shares


def ngram(
    data: DataSpec,
    *,
    order: PositiveInt = 3,
    smoothing: Smoothing = "kneser_ney",
    discount: OpenFraction | None = None,
    pseudocount: Positive | None = None,
    backoff: bool = False,
) -> nn.Module:
    """Tokens (batch, length) → log-probabilities (batch, length, vocabulary) of the next tokens, and the last ones.

    Nothing of it is learnt by gradients: it is fitted in one pass over the training text, and makes no steps.

    Args:
        order: n, so that a word's probability depends on n − 1 before it.
        smoothing: see `dl_runner.layers.ngram_smoothing`.
        discount: D of absolute and kneser_ney; None to estimate it of the counts of each order.
        pseudocount: ε of additive and dirichlet; None for 1.
        backoff: to shorter contexts for unseen words only (Katz, 1987), instead of interpolating with them for all.

    Raises:
        UserError: the data are no text whose next tokens are asked for, or a key is not for this smoothing.
    """
    require_next_tokens(data, "ngram")
    if data.task != "language_model":
        raise UserError(
            f"model=ngram: says which token of a text comes next, and the data's task is {data.task}; use a text such "
            "as data=time_machine, or a model such as gru"
        )
    single, pseudo = ("absolute", "kneser_ney"), ("additive", "dirichlet")
    if discount is not None and smoothing not in single:
        raise UserError(f"model.discount={discount:g}: is for model.smoothing={' and '.join(single)}; set it to null")
    if pseudocount is not None and smoothing not in pseudo:
        raise UserError(
            f"model.pseudocount={pseudocount:g}: is for model.smoothing={' and '.join(pseudo)}; set it to null"
        )
    if backoff and smoothing not in (*DISCOUNTED, "witten_bell"):
        raise UserError(
            f"model.backoff=true: model.smoothing={smoothing} gives unseen words their share already; use "
            "model.backoff=false, or another smoothing such as kneser_ney"
        )
    return NGram(data.outputs, order, smoothing, pseudocount or 1.0, discount, backoff)
