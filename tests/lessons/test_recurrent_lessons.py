"""The lessons of recurrent networks: leaks, explosions, states, temperatures and memories, in small."""

import pytest
import torch
from lesson_runs import checked, hold

from dl_runner.errors import UserError
from dl_runner.lessons.carried_state import losses_by_place
from dl_runner.running.lesson import Lesson, teach

SMALL = ("data.characters=8000", "data.batch_size=32", "model.hidden=32", "trainer.show_every=500 steps")


def test_a_bidirectional_language_model_reads_the_answer_except_at_the_last_place(tmp_path):
    small = ("trainer.steps=60", "trainer.evaluate_every=60 steps", "data.steps=8", "optimizer.lr=0.03")
    lesson = hold(tmp_path, "bidirectional_language_model", *SMALL, *small, "lesson.length=5")
    before, last = (lesson.metric("in both directions", f"loss {at}") for at in ("before it", "at the last place"))
    assert before < 1 and last > 1.5
    assert lesson.metric("forwards", "loss before it") > 1.5


def test_a_prefix_without_a_token_is_refused(tmp_path):
    for name in ("bidirectional_language_model", "temperature"):
        with pytest.raises(UserError, match=r"lesson\.prefix: has no token"):
            teach(checked(f"experiment=lessons/{name}", *SMALL, "lesson.prefix=''"), tmp_path, name)


def test_a_clipped_gradient_does_no_harm(tmp_path):
    small = ("trainer.steps=40", "trainer.evaluate_every=10 steps", "optimizer.lr=20", "data.steps=20")
    lesson = hold(tmp_path, "gradient_clipping", *SMALL, *small, "lesson.threshold=0.05")
    wild, tame = (lesson.curve(f"{name}", "validation/loss")[-1] for name in ("without_clipping", "clipped_at_0.05"))
    assert tame < 4 < wild
    assert lesson.record["metrics"]["without clipping: largest gradient norm"] > 1


def test_a_fresh_state_costs_a_window_its_beginning(tmp_path):
    small = ("trainer.steps=80", "trainer.evaluate_every=40 steps", "data.steps=4", "optimizer.lr=0.02")
    lesson = hold(tmp_path, "carried_state", *SMALL, *small)
    fresh, carried = (lesson.metric(f"{name} state", "loss at the first place") for name in ("fresh", "carried"))
    assert fresh > carried + 0.05


def test_the_loss_by_place_is_that_of_one_long_text(tmp_path):
    lesson = Lesson(checked("experiment=lessons/carried_state", *SMALL, "data.steps=5"), tmp_path)
    model, data = lesson.initial().double(), lesson.data()
    stream = data.validation.tokens
    windows = (len(stream) - 5 + 4) // 5
    logits, _ = model(stream[None, : windows * 5])
    losses = torch.nn.functional.cross_entropy(logits[0], stream[1 : windows * 5 + 1], reduction="none")
    torch.testing.assert_close(losses_by_place(model, data, carried=True), losses.view(-1, 5).mean(0))
    fresh = losses_by_place(model, data, carried=False)
    first, _ = model(stream[: windows * 5].view(-1, 5))
    expected = torch.nn.functional.cross_entropy(first[:, 2], stream[3::5][:windows])
    torch.testing.assert_close(fresh[2], expected)


def test_a_higher_temperature_is_more_random_and_top_k_less(tmp_path):
    small = ("trainer.steps=30", "trainer.evaluate_every=30 steps", "data.steps=16", "lesson.length=5")
    lesson = hold(tmp_path, "temperature", *SMALL, *small)
    low, one, high, cut = (lesson.metric(f"temperature {name}", "entropy") for name in ("0.3", "1", "2", "2, top-3"))
    assert low < one < high and 0 < cut <= torch.log2(torch.tensor(3.0))


def test_who_remembers_over_a_delay(tmp_path):
    gru, gpt = "name: gru, builder: recurrent, cell: gru, hidden: 16", "name: gpt, layers: 1, heads: 1, width: 16"
    arms = f"lesson.arms={{gru: {{model: {{{gru}}}}}, gpt: {{model: {{{gpt}}}}}}}"
    small = ("trainer.steps=60", "trainer.evaluate_every=60 steps", "data.examples=300", "data.items=1")
    lesson = hold(tmp_path, "long_memory", arms, "lesson.delays=[2]", *small)
    for name in ("gru", "gpt"):
        assert lesson.metric(f"{name}, delay 2", "test/accuracy") > 0.9
