"""The copy task: what is read, what is asked, and what counts."""

from pathlib import Path

import torch

from dl_runner.data.text import IGNORE
from dl_runner.datasets.copy_task import copy_task

NOWHERE = Path("/nonexistent")


def test_the_targets_are_the_symbols_at_the_questions():
    data = copy_task(NOWHERE, items=2, symbols=3, delay=4, examples=300, test_examples=50, seed=3)
    inputs, targets = data.train.inputs, data.train.targets
    assert data.spec.inputs.shape == inputs.shape[1:] == targets.shape[1:] == (8,)
    assert torch.equal(targets[:, 6:], inputs[:, :2]) and (targets[:, :6] == IGNORE).all()
    assert set(inputs[:, :2].flatten().tolist()) == {1, 2, 3}
    assert inputs[0, 2:].tolist() == data.fit.read_texts(["....??"])[0].tolist()
    assert (data.train.counts["tokens"] == 2).all()
    shares = torch.bincount(inputs[:, :2].flatten(), minlength=4)[1:] / 600
    assert (shares - 1 / 3).abs().max() < 0.1
    again = copy_task(NOWHERE, items=2, symbols=3, delay=4, examples=5, test_examples=50, seed=3)
    assert torch.equal(again.test.inputs, data.test.inputs)
    assert not torch.equal(data.test.inputs, inputs[:50])
