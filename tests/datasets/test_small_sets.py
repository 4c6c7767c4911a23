"""Digits and the synthetic regression."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dl_runner.datasets.digits import digits
from dl_runner.datasets.synthetic_regression import synthetic_regression
from dl_runner.errors import UserError

NOWHERE = Path("/nonexistent")


def test_digits_are_those_of_scikit_learn_in_order():
    from sklearn.datasets import load_digits

    reference = load_digits()
    split = digits(NOWHERE, test=0.0).train
    assert np.array_equal(split.inputs[:, 0].numpy(), np.rint(reference.images * 255 / 16).astype(np.uint8))
    assert split.targets.tolist() == reference.target.tolist()


def test_digits_hold_out_a_stratified_test_split_by_the_seed():
    data, again, other = (digits(NOWHERE, seed=seed) for seed in (3, 3, 4))
    assert len(data.train) + len(data.test) == 1797
    share = torch.bincount(data.test.targets) / (torch.bincount(data.train.targets) + torch.bincount(data.test.targets))
    assert share.numpy() == pytest.approx(0.2, abs=1 / 174)
    assert torch.equal(data.test.inputs, again.test.inputs)
    assert not torch.equal(data.test.inputs, other.test.inputs)
    pixels = digits(NOWHERE, test=0.0).train.inputs.double() / 255
    kind = data.spec.inputs
    assert (*kind.mean, *kind.std) == pytest.approx((pixels.mean().item(), pixels.std().item()), abs=1e-4)


def test_digits_do_not_import_scikit_learn():
    program = (
        "import sys; from pathlib import Path; from dl_runner.datasets.digits import digits; digits(Path('.'));"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_closed_form_recovers_weight_and_bias():
    weight, bias = (-6.0, 3.2, 10.5), 1.7
    data = synthetic_regression(NOWHERE, weight=weight, bias=bias, examples=500)
    assert (data.spec.task, data.spec.input_shape, data.spec.outputs) == ("regression", (3,), 1)
    x = torch.cat([data.train.inputs, torch.ones(500, 1)], dim=1)
    solution = torch.linalg.lstsq(x, data.train.targets).solution[:, 0]
    assert solution.tolist() == pytest.approx([*weight, bias], abs=0.002)  # four times 0.01 / sqrt(500)
    residual = data.train.targets - x @ solution[:, None]
    assert residual.std().item() == pytest.approx(0.01, rel=0.15)


def test_the_test_examples_are_others_and_stay_when_the_rest_changes():
    few, many = (synthetic_regression(NOWHERE, examples=n, test_examples=50) for n in (20, 100))
    assert (len(few.train), len(many.train), len(few.test)) == (20, 100, 50)
    assert torch.equal(few.test.inputs, many.test.inputs)
    assert not torch.equal(few.train.inputs, few.test.inputs[:20])
    assert not torch.equal(few.train.inputs, synthetic_regression(NOWHERE, examples=20, seed=1).train.inputs)


def test_noise_may_be_zero_and_a_weight_is_needed():
    data = synthetic_regression(NOWHERE, noise=0.0)
    expected = data.train.inputs @ torch.tensor([[2.0], [-3.4]]) + 4.2
    torch.testing.assert_close(data.train.targets, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(UserError, match=r"data\.weight"):
        synthetic_regression(NOWHERE, weight=())
