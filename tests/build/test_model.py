import pytest
import torch
from specs import labelled
from torch import nn

from dl_runner.build.model import size_lazy_layers
from dl_runner.errors import UserError

SPEC = labelled((1, 8, 8), 3)


def lazy() -> nn.Sequential:
    return nn.Sequential(*(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(3)))


def test_lazy_layers_get_their_sizes_and_nothing_else_changes():
    torch.manual_seed(0)
    model = lazy()
    size_lazy_layers(model, SPEC, "mine")
    assert [tuple(parameter.shape) for parameter in model.parameters()] == [
        *((4, 1, 3, 3), (4,), (4,), (4,), (3, 144), (3,))
    ]
    assert model.training and model[1].num_batches_tracked == 0 and torch.equal(model[1].running_mean, torch.zeros(4))
    torch.manual_seed(0)
    again = lazy()
    size_lazy_layers(again, SPEC, "mine")
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))


def test_lazy_layers_that_do_not_fit_are_refused_in_one_line():
    with pytest.raises(UserError, match=r"model=mine: does not fit the data \(.*\)$"):
        size_lazy_layers(nn.Sequential(nn.LazyConv2d(4, 11), nn.Flatten(), nn.LazyLinear(3)), SPEC, "mine")


def test_a_model_without_them_is_not_run():
    class Unwilling(nn.Linear):
        def forward(self, x):
            raise AssertionError("not called")

    size_lazy_layers(Unwilling(2, 3), SPEC, "mine")
