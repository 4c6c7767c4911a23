"""data.normalize: the data's own mean and standard deviation, none, or the user's."""

import pytest
import torch
from helpers import QUIET

from dl_runner.build.builders import check_builders
from dl_runner.build.data import build_data
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.data.preparation import to_input
from dl_runner.errors import UserError


def data_of(*overrides):
    checked = check_config(to_plain(compose([*QUIET, *overrides])))
    return build_data(checked, check_builders(checked))


def test_the_users_numbers_take_the_place_of_the_datas():
    spec = data_of("data.normalize={mean:0.5,std:0.25}").spec
    assert (spec.inputs.mean, spec.inputs.std) == ((0.5,), (0.25,))
    white = torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)
    assert torch.allclose(to_input(white, spec), torch.tensor(2.0))
    assert data_of("data.normalize=false").spec.inputs.std == (1.0,)
    assert data_of("data.normalize={mean:[0.1],std:[1]}").spec.inputs.mean == (0.1,)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{mean:0.5}", "expected"),
        ("{mean:0.5,std:0}", "expected"),
        ("{mean:[],std:[]}", "expected"),
        ("{mean:[0.1,0.2],std:[1]}", "expected"),
        ("{mean:a,std:1}", "expected"),
        ("yes please", "expected"),
        ("{mean:[0.1,0.2,0.3],std:[1,1,1]}", "has 3 numbers for each, and the data take 1"),
    ],
)
def test_other_values_are_one_line(value, told):
    with pytest.raises(UserError, match=f"data.normalize.*{told}") as caught:
        data_of(f"data.normalize={value}")
    assert "\n" not in str(caught.value)


def test_data_without_a_mean_take_no_numbers():
    with pytest.raises(UserError, match=r"data.normalize: .* have none"):
        data_of("data=python_docs", "data.characters=5000", "model=gru", "data.normalize={mean:0.5,std:0.25}")
