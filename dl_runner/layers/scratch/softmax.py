"""Softmax, and the cross-entropy that trains it.

softmax(o)ⱼ        = exp(oⱼ) / Σₖ exp(oₖ), turns logits o into probabilities
cross-entropy(o,y) = −log softmax(o)_y = log Σₖ exp(oₖ) − o_y, for the true class y

exp overflows for logits beyond 88, and the log of a probability that was rounded to 0 is −∞. Subtracting the largest
logit m from all changes no quotient and leaves exponents <= 0: log Σ exp(o) = m + log Σ exp(o − m). The loss is
computed from that sum and never from the probabilities.
"""

import torch
from torch import Tensor, nn


def softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """Probabilities of the same shape, which sum to 1 along `dim`."""
    powers = torch.exp(logits - _largest(logits, dim))
    return powers / powers.sum(dim, keepdim=True)


def log_sum_exp(logits: Tensor, dim: int = -1) -> Tensor:
    """log Σ exp(o) along `dim`, which is gone from the result."""
    largest = _largest(logits, dim)
    return largest.squeeze(dim) + torch.log(torch.exp(logits - largest).sum(dim))


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over the batch of −log softmax(logits)[label]: (batch, classes), (batch,) → ()."""
    return negative_log_likelihoods(logits, labels).mean()


def negative_log_likelihoods(logits: Tensor, labels: Tensor) -> Tensor:
    """−log softmax(logits)[label] of each row: (batch, classes), (batch,) → (batch,)."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # half precision would round the sum
    of_the_label = logits[torch.arange(len(labels), device=labels.device), labels]
    return log_sum_exp(logits) - of_the_label


def _largest(logits: Tensor, dim: int) -> Tensor:
    """A constant for differentiation: it cancels."""
    return logits.detach().amax(dim, keepdim=True)


class ScratchSoftmax(nn.Softmax):
    """`nn.Softmax`, computed by `softmax`."""

    def forward(self, x: Tensor) -> Tensor:
        return softmax(x, self.dim)
