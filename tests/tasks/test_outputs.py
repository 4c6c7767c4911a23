"""What a model has to give for the data's targets, and what a task may say of it instead."""

import pytest
import torch

from dl_runner.data.batch import blank
from dl_runner.spec import Boxes, Classes, DataSpec, Fields, Image, Numbers, Pixels, Tokens
from dl_runner.tasks.outputs import check_outputs

INPUTS = Image(1, 4, 6)
KINDS = {
    "classes": (Classes(("a", "b", "c")), (2, 3)),
    "numbers": (Numbers(1), (2, 1)),
    "tokens": (Tokens(7, 5), (2, 5, 7)),
    "pixels": (Pixels(("a", "b"), 4, 6), (2, 2, 4, 6)),
}


def check(targets, outputs, task=None):
    spec = DataSpec(INPUTS, targets, "any")
    check_outputs(task, spec, outputs, blank(spec, 2))


@pytest.mark.parametrize(("targets", "shape"), KINDS.values(), ids=KINDS)
def test_the_shape_that_goes_with_the_targets_passes_and_no_other(targets, shape):
    check(targets, torch.zeros(shape))
    with_state = (torch.zeros(shape), torch.zeros(2, 9))
    if isinstance(targets, Tokens):
        check(targets, with_state)
    else:
        with pytest.raises(ValueError, match="gives a tuple, expected a tensor"):
            check(targets, with_state)
    check(targets, torch.zeros(shape, dtype=torch.bfloat16))
    wrong = [shape[:-1], (*shape, 1), *((*shape[:i], shape[i] + 1, *shape[i + 1 :]) for i in range(len(shape)))]
    for other in wrong:
        with pytest.raises(ValueError, match=r"gives shape .*, expected .*examples") as told:
            check(targets, torch.zeros(other))
        assert str(tuple(other)) in str(told.value) and str(shape) in str(told.value)


@pytest.mark.parametrize(
    ("outputs", "named"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), "gives int64, expected floats"),
        ({"a": torch.zeros(2, 3)}, "gives a dict, expected a tensor"),
        (None, "gives a NoneType"),
        ((), "gives a tuple"),
    ],
)
def test_what_is_no_tensor_of_floats_is_refused(outputs, named):
    with pytest.raises(ValueError, match=named):
        check(KINDS["classes"][0], outputs)


def test_a_batch_that_is_padded_to_its_longest_example_has_that_length():
    spec = DataSpec(Tokens(7, 5), Tokens(7, 5, pad=0), "any")
    batch = blank(spec, 2).map(lambda one: one[:, :3])
    check_outputs(None, spec, torch.zeros(2, 3, 7), batch)
    with pytest.raises(ValueError, match=r"expected \(2, 3, 7\)"):
        check_outputs(None, spec, torch.zeros(2, 5, 7), batch)


@pytest.mark.parametrize("targets", [Boxes(("a",), 3), Fields.of(a=Classes(("a", "b")))])
def test_what_only_a_task_knows_is_left_to_it(targets):
    check(targets, {"anything": 1})


def test_a_task_decides_itself():
    class Embedding:
        def check_outputs(self, outputs, batch):
            if outputs.shape != (len(batch), 64):
                raise ValueError("gives no embedding of 64 numbers")

    check(KINDS["classes"][0], torch.zeros(2, 64), Embedding())
    with pytest.raises(ValueError, match="no embedding"):
        check(KINDS["classes"][0], torch.zeros(2, 3), Embedding())
