"""Dropout (Srivastava et al., 2014): in training every unit is zero with probability p, anew each time.

y = m · x / (1 − p), m ~ Bernoulli(1 − p) for each element

The units that stay are scaled by 1/(1 − p), so that the expected value of y is x and evaluation, where nothing is
dropped, needs no correction ("inverted" dropout).
"""

import torch
from torch import Tensor, nn


def dropout(x: Tensor, p: float) -> Tensor:
    """The shape of `x` stays; 0 <= p <= 1.

    On the processor the mask is drawn as torch's own dropout draws it: the same seed drops the same units.
    """
    if p == 1:  # all of it
        return x * 0
    kept = torch.empty_like(x).bernoulli_(1 - p)
    return x * kept / (1 - p)


class ScratchDropout(nn.Dropout):
    """`nn.Dropout`, computed by `dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p) if self.training and self.p > 0 else x
