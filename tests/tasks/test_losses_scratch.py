"""The written-out losses against torch's: values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import labelled, numbered

from dl_runner.registry import builder

CLASSES = labelled((4,), 5, tuple("abcde"))
NUMBERS = numbered((4,), 3)


@pytest.mark.parametrize("name", ["cross_entropy", "squared"])
@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 9),
    outputs=st.integers(1, 9),
    scale=st.sampled_from([0.1, 1, 1000]),
    seed=st.integers(0, 999),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_values_and_gradients_equal_torchs(name, batch, outputs, scale, seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    data = CLASSES if name == "cross_entropy" else NUMBERS
    y = (scale * torch.randn(batch, outputs, generator=generator, dtype=dtype)).requires_grad_()
    labels = torch.randint(outputs, (batch,), generator=generator)
    targets = labels if name == "cross_entropy" else torch.randn(batch, outputs, generator=generator, dtype=dtype)
    ours, theirs = (builder("loss", one)(data)(y, targets) for one in (f"{name}_scratch", name))
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(ours, theirs, **close)
    torch.testing.assert_close(*(torch.autograd.grad(loss, y)[0] for loss in (ours, theirs)), **close)


def test_extreme_logits_overflow_nowhere():
    loss = builder("loss", "cross_entropy_scratch")(CLASSES)
    logits = torch.tensor([[1e4, -1e4, 0.0]])
    assert loss(logits, torch.tensor([0])) == 0
    assert loss(logits, torch.tensor([1])) == 2e4
