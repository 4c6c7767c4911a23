"""Smoothing of n-gram counts: how much probability the words that followed a context give up to all others.

With c(h, w) the count of word w after the context h, N(h) = Σ_w c(h, w) and T(h) the number of different words:

    additive             (c + ε) / (N + ε·V), V the size of the vocabulary     (Laplace, ε = 1; Lidstone, any other)
    dirichlet            (c + ε·p') / (N + ε), p' that of the next shorter context              (MacKay and Peto, 1995)
    witten_bell          c / (N + T), what is left is T / (N + T)                             (Witten and Bell, 1991)
    absolute             max(c − D, 0) / N                                            (Ney, Essen and Kneser, 1994)
    kneser_ney           the same, with continuation counts below the highest order            (Kneser and Ney, 1995)
    modified_kneser_ney  the same, with a D for counts of 1, of 2, and of 3 or more          (Chen and Goodman, 1999)

D is n₁ / (n₁ + 2·n₂), where nᵢ n-grams of an order have count i.
"""

from typing import Literal

import torch
from torch import Tensor

Smoothing = Literal["kneser_ney", "modified_kneser_ney", "absolute", "witten_bell", "dirichlet", "additive"]
DISCOUNTED = ("kneser_ney", "modified_kneser_ney", "absolute")
UNKNOWN_DISCOUNT = 0.5  # where the counts tell none, as those of letters, which all occur often


def given_up(
    smoothing: Smoothing, counts: Tensor, rows: Tensor, number: int, discounts: Tensor, pseudocount: float, words: int
) -> tuple[Tensor, Tensor]:
    """What the words that followed some contexts keep, and what each context leaves to all words.

    Args:
        counts: float (entries,), of words after contexts.
        rows: int64 (entries,), their contexts.
        number: of contexts.
        discounts: (3,), for counts of 1, of 2, of 3 or more.
        pseudocount: ε.
        words: V.

    Returns:
        Probabilities (entries,) and (number,); those of a context add up to 1. A context without a count leaves all.
    """

    def summed(values: Tensor) -> Tensor:
        return values.new_zeros(number).index_add_(0, rows, values)

    total = summed(counts)
    if smoothing in DISCOUNTED:
        taken = discounts.to(counts)[(counts.long() - 1).clamp(0, 2)].minimum(counts)
        kept, free = counts - taken, summed(taken)
    else:
        kept = counts
        leaves = {"dirichlet": pseudocount, "additive": pseudocount * words}
        free = summed((counts > 0).to(counts)) if smoothing == "witten_bell" else total.new_full((), leaves[smoothing])
        total = total + free
    nothing = total == 0
    total = total.masked_fill(nothing, 1.0)
    return kept / total[rows], (free / total).masked_fill(nothing, 1.0)


def estimated_discounts(counts: Tensor, modified: bool) -> Tensor:
    """D for counts of 1, of 2, of 3 or more, float64 (3,), from how many n-grams of an order have which count
    (Chen and Goodman, 1999, equations 17 and 26); the same three times unless `modified`.

    Without any n-gram that occurs once D would be 0 and leave nothing to words unseen: it is UNKNOWN_DISCOUNT then. One
    of the three that the counts do not tell, or that is not within 0 and its count, is the single D.
    """
    having = torch.bincount(counts.clamp(max=5), minlength=6)[1:5].tolist()  # n₁ … n₄
    single = having[0] / (having[0] + 2 * having[1]) if having[0] else UNKNOWN_DISCOUNT
    found = [single] * 3
    for i in range(3) if modified and having[0] else ():
        if having[i]:
            one = i + 1 - (i + 2) * single * having[i + 1] / having[i]
            found[i] = one if 0 < one <= i + 1 else single
    return torch.tensor(found, dtype=torch.float64, device=counts.device)
