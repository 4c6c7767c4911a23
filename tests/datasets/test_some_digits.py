"""Some of the digits, their labels numbered anew."""

import pytest
import torch

from dl_runner.datasets.digits import digits
from dl_runner.datasets.some_digits import some_digits
from dl_runner.errors import UserError


def test_the_pictures_of_the_chosen_classes_keep_their_meaning(tmp_path):
    every, some = digits(tmp_path), some_digits(tmp_path, classes=[7, 2])
    assert some.spec.classes == ("7", "2")
    for whole, part in ((every.train, some.train), (every.test, some.test)):
        for label, digit in enumerate((7, 2)):
            assert torch.equal(part.inputs[part.targets == label], whole.inputs[whole.targets == digit])
        assert len(part) == ((whole.targets == 7) | (whole.targets == 2)).sum()


@pytest.mark.parametrize("classes", [[], [3], [3, 3]])
def test_fewer_than_two_classes_are_refused(tmp_path, classes):
    with pytest.raises(UserError, match=r"data.classes=.*needs two digits or more, each once"):
        some_digits(tmp_path, classes=classes)
