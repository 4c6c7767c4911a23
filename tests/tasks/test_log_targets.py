"""Regression on logarithms and standardized targets: what is learnt, what is reported, what is given back."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.metrics import root_mean_squared_error, root_mean_squared_log_error
from specs import numbered
from torch import nn
from torch.nn import functional as F

from dl_runner.data.batch import Batch
from dl_runner.data.scale import measured
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import RunFailed, UserError
from dl_runner.spec import DataSpec
from dl_runner.tasks.regression import regression
from dl_runner.tasks.task import chooses

TARGETS = torch.tensor([[90.0, 2.0], [400.0, 3.0], [150.0, 8.0], [200.0, 2.5]], dtype=torch.float64)
OUTPUTS = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 3


def spec(targets: torch.Tensor = TARGETS) -> DataSpec:
    return measured(numbered((3,), targets.shape[1]), TensorSplit(torch.zeros(len(targets), 3), targets))


def report(task, outputs: torch.Tensor, targets: torch.Tensor = TARGETS) -> dict[str, float]:
    sums = [
        task.step(nn.Identity(), Batch.of(*part))[1] for part in zip(outputs.split(3), targets.split(3), strict=True)
    ]
    return task.report({name: sum(one[name] for one in sums) for name in sums[0]} | {"examples": len(targets)})


def test_the_scale_is_that_of_the_training_targets_and_survives_its_file():
    kind = spec().targets
    values = TARGETS.numpy()
    for found, expected in (
        (kind.mean, values.mean(0)),
        (kind.std, values.std(0)),
        (kind.log_mean, np.log(values).mean(0)),
        (kind.log_std, np.log(values).std(0)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert DataSpec.from_dict(spec().to_dict()) == spec()
    assert spec(torch.tensor([[2.0], [2.0]])).targets.std == (1.0,)
    assert spec(torch.tensor([[2.0], [0.0]])).targets.log_mean is None


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_the_loss_is_in_what_is_learnt_and_the_errors_are_in_the_targets_unit(log, standardize):
    task = regression(spec(), F.mse_loss, target="log" if log else "linear", standardize=standardize, choose="log_rmse")
    values, outputs = TARGETS.numpy(), OUTPUTS.numpy()
    learnt = np.log(values) if log else values
    mean, std = (learnt.mean(0), learnt.std(0)) if standardize else (0, 1)
    predictions = outputs * std + mean
    predictions = np.exp(predictions) if log else predictions
    found = report(task, OUTPUTS)
    assert found["loss"] == pytest.approx((((learnt - mean) / std - outputs) ** 2).mean(), rel=1e-5)
    assert found["rmse"] == pytest.approx(np.sqrt(((predictions - values) ** 2).mean()), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(predictions - values).mean(), rel=1e-5)
    clipped = np.log(predictions if log else np.maximum(predictions, 1)) - np.log(values)
    assert found["log_rmse"] == pytest.approx(np.sqrt((clipped**2).mean()), rel=1e-5)
    assert {metric.name for metric in task.metrics} == set(found)


def test_log_rmse_is_scikit_learns_but_for_the_one_that_it_adds():
    task = regression(spec(TARGETS[:, :1]), F.mse_loss, target="log")
    found = report(task, OUTPUTS[:, :1] + 5, TARGETS[:, :1])
    predictions = (OUTPUTS[:, :1] + 5).exp()
    assert found["log_rmse"] == pytest.approx(root_mean_squared_log_error(TARGETS[:, :1] - 1, predictions - 1))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(TARGETS[:, :1], predictions))


@pytest.mark.parametrize(
    ("options", "first", "logs"),
    [
        ({}, "loss", False),
        ({"target": "log"}, "log_rmse", True),
        ({"target": "log", "choose": "rmse"}, "rmse", True),
        ({"choose": "log_rmse"}, "log_rmse", True),
        ({"choose": "mae"}, "mae", False),
    ],
)
def test_which_metric_chooses(options, first, logs):
    task = regression(spec(), F.mse_loss, **options)
    assert chooses(task).name == first and ("log_rmse" in {metric.name for metric in task.metrics}) == logs


def test_targets_without_logarithms_are_refused_at_once_or_named():
    with pytest.raises(UserError, match=r"task\.target=log: a training target is not above 0"):
        regression(spec(TARGETS - 100), F.mse_loss, target="log")
    with pytest.raises(UserError, match=r"task\.standardize=true"):
        regression(numbered((3,), 1), F.mse_loss, standardize=True)
    task = regression(
        spec(), F.mse_loss, choose="log_rmse"
    )  # a validation part may have what the training part has not
    with pytest.raises(RunFailed, match="1 targets are not above 0"):
        report(task, OUTPUTS, TARGETS - torch.tensor([0.0, 2.0]))


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-30])
@pytest.mark.parametrize("standardize", [False, True])
def test_log_rmse_does_not_depend_on_the_unit_of_the_targets(unit, standardize):
    shift = torch.zeros((), dtype=torch.float64) if standardize else torch.tensor(unit, dtype=torch.float64).log()
    task = regression(spec(TARGETS * unit), F.mse_loss, target="log", standardize=standardize)
    reference = regression(spec(), F.mse_loss, target="log", standardize=standardize)
    expected = report(reference, OUTPUTS)["log_rmse"]
    assert expected > 0.1
    assert report(task, OUTPUTS + shift, TARGETS * unit)["log_rmse"] == pytest.approx(expected)


def test_a_prediction_whose_exponential_is_no_number_still_has_its_logarithm():
    task = regression(spec(TARGETS[:, :1]), F.mse_loss, target="log")
    found = report(task, torch.full((4, 1), -2000.0, dtype=torch.float64), TARGETS[:, :1])
    assert found["log_rmse"] == pytest.approx(((-2000 - TARGETS[:, 0].log()) ** 2).mean().sqrt().item())


@pytest.mark.parametrize(
    ("options", "targets", "said"),
    [
        ({"target": "log"}, [3.0, -2.0, 0.0], r"task\.target=log: the test split has a target of -2, .*2 of 3 are not"),
        ({"choose": "log_rmse"}, [3.0, 0.0], r"task\.choose=log_rmse: the test split has a target of 0, .*choose=rmse"),
        ({"choose": "log_rmse"}, [3.0, 0.25], r"floor=1: the test split has a target of 0\.25.*set task\.floor=0\.1"),
        ({"choose": "log_rmse", "floor": 0.1}, [3.0, 0.25], None),
        ({"target": "log"}, [3.0, 0.25], None),
        ({}, [-1.0], None),
    ],
)  # fmt: skip
def test_targets_of_any_split_are_looked_at_before_the_training(options, targets, said):
    task, values = regression(spec(TARGETS), F.mse_loss, **options), torch.tensor(targets)[:, None]
    with pytest.raises(UserError, match=said) if said else nullcontext():
        task.check_targets("test", values)


def test_parts_of_a_batch_add_up():
    task = regression(spec(), F.mse_loss, target="log", standardize=True)
    net = nn.Linear(3, 2, dtype=torch.float64)
    batch = Batch.of(torch.randn(4, 3, dtype=torch.float64), TARGETS)
    whole, _ = task.step(net, batch)
    parts = sum(task.step(net, part)[0] for part in batch.parts(3))
    torch.testing.assert_close(whole, parts)


def test_predictions_are_in_the_targets_unit(tmp_path):
    from tables import HOUSES, write

    from dl_runner.data.dataset import Cuts, cut
    from dl_runner.data.table.data import from_file
    from dl_runner.data.table.read import Roles
    from dl_runner.data.table.text_file import Format

    path = write(tmp_path, HOUSES)
    made = cut(from_file(path, Format(), Roles("price", identifier=("Id",)), test=0, seed=0), Cuts())
    task = regression(made.spec, F.mse_loss, made.fitted, target="log", standardize=True)

    class Zero(nn.Module):
        def forward(self, numeric, categories):
            return torch.zeros(len(numeric), 1)

    rows = task.predict(Zero(), [str(path)])
    assert [row["Id"] for row in rows] == [f"a{i}" for i in range(1, 9)] and list(rows[0]) == ["Id", "price"]
    middle = np.exp(np.log([100, 180, 210, 260, 140, 205, 150, 240]).mean())
    assert [row["price"] for row in rows] == pytest.approx([middle] * 8)
