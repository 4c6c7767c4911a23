"""`cut`: validation split, limit, folds, input shape, normalization, and what is fitted on the training split."""

from pathlib import Path

import pytest
import torch
from specs import labelled, numbered

from dl_runner.data.dataset import Cuts, Data, cut
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.errors import UserError

IMAGES = labelled((1, 4, 4), 5, tuple("abcde"), (0.3,), (0.2,))
VECTORS = numbered((2,), 1)


def images(n: int = 100) -> TensorSplit:
    numbered = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 4, 4)
    return TensorSplit(numbered, torch.arange(n) % 5)


def vectors(n: int) -> TensorSplit:
    return TensorSplit(torch.zeros(n, 2), torch.zeros(n, 1))


class Text(TensorSplit):
    """Examples that are a sequence."""

    ordered = True

    def subset(self, indices: torch.Tensor) -> "Text":
        return Text(self.inputs[indices], self.targets[indices])


def text(n: int) -> Text:
    return Text(torch.arange(n), torch.arange(n))


def prepared(data: Data, **changes) -> Data:
    return cut(data, Cuts(**({"validation": 0.2} | changes)))


def ids(split: TensorSplit) -> list[int]:
    return split.inputs[:, 0, 0, 0].tolist()


def test_validation_comes_out_of_train_and_limit_out_of_the_rest():
    test = images(10)
    data = prepared(Data(IMAGES, images(), test=test), limit=30)
    assert (len(data.train), len(data.validation)) == (30, 20)
    assert not set(ids(data.train)) & set(ids(data.validation))
    assert torch.bincount(data.train.targets).tolist() == [6] * 5
    assert torch.bincount(data.validation.targets).tolist() == [4] * 5
    assert all(index % 5 == label for index, label in zip(ids(data.train), data.train.targets.tolist(), strict=True))
    assert data.test is test


def test_limit_does_not_move_the_validation_split():
    full, few = prepared(Data(IMAGES, images())), prepared(Data(IMAGES, images()), limit=10)
    assert ids(full.validation) == ids(few.validation)
    assert set(ids(few.train)) < set(ids(full.train))


def test_a_limit_above_the_size_takes_everything():
    assert len(prepared(Data(IMAGES, images()), limit=1000, validation=0).train) == 100


def test_no_validation_and_a_given_one():
    assert prepared(Data(IMAGES, images()), validation=0).validation is None
    given = images(7)
    data = prepared(Data(IMAGES, images(), validation=given))
    assert data.validation is given and len(data.train) == 100


def test_the_folds_take_the_place_of_validation_and_cover_the_training_examples():
    folds = [prepared(Data(IMAGES, images()), folds=5, fold=fold, limit=30) for fold in range(5)]
    assert sorted(one for data in folds for one in ids(data.validation)) == list(range(100))
    for data in folds:
        assert (len(data.train), len(data.validation)) == (30, 20)
        assert not set(ids(data.train)) & set(ids(data.validation))
        assert torch.bincount(data.validation.targets).tolist() == [4] * 5


def test_regression_splits_at_random():
    inputs = torch.arange(100.0).view(50, 2)
    data = prepared(Data(VECTORS, TensorSplit(inputs, inputs[:, :1])))
    assert (len(data.train), len(data.validation)) == (40, 10)
    assert sorted([*data.train.targets[:, 0].tolist(), *data.validation.targets[:, 0].tolist()]) == list(
        range(0, 100, 2)
    )


def test_input_shape_and_normalization_follow_the_settings():
    spec = prepared(Data(IMAGES, images()), image_size=28, normalize=((0.0,), (1.0,))).spec
    assert (spec.input_shape, spec.inputs.mean, spec.inputs.std) == ((1, 28, 28), (0.0,), (1.0,))
    assert prepared(Data(IMAGES, images())).spec == IMAGES


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (Data(VECTORS, vectors(9)), {"image_size": 28}, "data.image_size=28"),
        (Data(VECTORS, vectors(1)), {}, "data.validation=0.2"),
        (Data(IMAGES, images(5)), {}, "data.validation=0.2"),
        (Data(IMAGES, images(0)), {}, "no training example"),
        (Data(IMAGES, images(19)), {"folds": 4, "fold": 0}, "class e has only 3 training examples"),
        (
            Data(VECTORS, TensorSplit(torch.zeros(2, 2), torch.zeros(2, 1))),
            {"folds": 3, "fold": 0},
            "at most data.folds=2",
        ),
        (Data(VECTORS, text(9)), {"folds": 3, "fold": 0}, "only the end can be held out"),
        (Data(VECTORS, text(2)), {}, "data.validation=0.2"),
        (Data(VECTORS, text(1)), {"validation": 0.9}, "data.validation=0.9"),
        (Data(IMAGES, images(), validation=images(7)), {"folds": 3, "fold": 0}, "validation split of its own"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(data, changes, message):
    with pytest.raises(UserError, match=message) as raised:
        prepared(data, **changes)
    assert "\n" not in str(raised.value)


def test_a_file_split_is_cut_like_one_in_memory():
    files = FileSplit(tuple(Path(f"{number}.png") for number in range(100)), torch.arange(100) % 5, 4)
    of_files, in_memory = prepared(Data(IMAGES, files), limit=30), prepared(Data(IMAGES, images()), limit=30)
    for name in ("train", "validation"):
        split = getattr(of_files, name)
        assert isinstance(split, FileSplit)
        assert [int(path.stem) for path in split.paths] == ids(getattr(in_memory, name))
        assert torch.equal(split.targets, getattr(in_memory, name).targets)


def test_the_end_of_a_sequence_is_held_out_and_its_beginning_is_the_limit():
    data = prepared(Data(VECTORS, text(50)), limit=12)
    assert data.train.inputs.tolist() == list(range(12))
    assert data.validation.inputs.tolist() == list(range(40, 50))


class Mean:
    """Subtracts the mean of the examples that it has been fitted on."""

    def __init__(self, mean: float = 0.0) -> None:
        self.mean, self.spec = mean, numbered((1,), 1)

    def fit(self, train):
        return Mean(train.inputs.mean().item())

    def apply(self, split):
        return TensorSplit(split.inputs - self.mean, split.targets)


def test_what_is_fitted_sees_the_training_examples_alone_and_is_used_again():
    whole = TensorSplit(torch.arange(50.0).view(50, 1), torch.zeros(50, 1))
    raw = prepared(Data(numbered((1,), 1), whole), limit=20)
    data = prepared(Data(None, whole, fit=Mean(), test=whole), limit=20)
    mean = raw.train.inputs.mean().item()
    assert data.fitted.mean == mean != whole.inputs.mean().item() and data.spec == raw.spec
    for ours, untouched in ((data.train, raw.train), (data.validation, raw.validation), (data.test, whole)):
        assert torch.equal(ours.inputs, untouched.inputs - mean)
    again = cut(Data(None, whole, fit=Mean()), Cuts(), Mean(7.0))
    assert again.fitted.mean == 7 and torch.equal(again.train.inputs, whole.inputs - 7)


@pytest.mark.parametrize(("top", "noted"), [(15, True), (63, True), (64, False), (255, False)])
def test_pictures_that_are_nearly_black_are_noted(top, noted):
    images = torch.arange(top + 1, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    data = Data(None, TensorSplit(images, torch.zeros(len(images), dtype=torch.int64)))
    assert data.loaded().notes == ((f"the training pictures are dark: their largest value is {top} of 255",) * noted)
