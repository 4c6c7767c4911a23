"""What the model without a mask reads, what that is worth at the last place, and the weights of the picture."""

import pytest
import torch
from lesson_runs import checked, hold

from dl_runner.errors import UserError
from dl_runner.lessons.causal_mask import first_weights
from dl_runner.models.gpt import gpt
from dl_runner.running.lesson import teach
from dl_runner.spec import DataSpec, Tokens

SMALL = ("data.characters=30000", "trainer.steps=150", "trainer.evaluate_every=50 steps", "data.steps=6")


def test_without_a_mask_the_answer_is_read_except_at_the_last_place(tmp_path):
    lesson = hold(tmp_path, "causal_mask", *SMALL, "lesson.text=the value")
    before, last = (lesson.metric("without a mask", f"loss {where}") for where in ("before it", "at the last place"))
    assert before < 1 < 1.5 < last
    masked = [lesson.metric("with the causal mask", f"loss {where}") for where in ("before it", "at the last place")]
    assert all(value > 1.5 for value in masked)


@pytest.mark.parametrize(("causal", "some"), [(True, 10), (False, 16)])
def test_the_weights_are_of_what_a_place_sees(causal, some):
    torch.manual_seed(0)
    spec = DataSpec(Tokens(9, 4), Tokens(9, 4), "language_model")
    model = gpt(spec, layers=2, heads=2, width=8, causal=causal).eval()
    weights, mask = first_weights(model, torch.tensor([[1, 2, 3, 4]]))
    assert mask.sum() == some and torch.equal(weights > 0, mask)
    torch.testing.assert_close(weights.sum(1), torch.ones(4))


def test_a_text_of_one_token_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"lesson\.text='attribute': has fewer than two tokens"):
        teach(checked("experiment=lessons/causal_mask", "lesson.text=attribute"), tmp_path, "lesson")
