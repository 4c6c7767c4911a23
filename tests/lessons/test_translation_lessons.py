"""What translators read while they learn, and how wide their beams are, on few steps."""

import math

import pytest
from lesson_runs import hold

from dl_runner.lessons.beam_width import log_chance
from dl_runner.tasks.decoding import Decoded

SMALL = ("data.numbers=100", "model.embedding=4", "model.hidden=4", "data.batch_size=90", "trainer.steps=3")
SMALL += ("trainer.evaluate_every=3 steps", "trainer.meter_every=3 steps")


def test_four_ways_to_read_in_training_begin_alike_and_end_apart(tmp_path):
    lesson = hold(tmp_path, "teacher_forcing", *SMALL, "lesson.falls=2 steps")
    arms = ("true tokens", "half of them", "fewer and fewer", "its own tokens")
    losses = [lesson.metric(arm, "validation/loss") for arm in arms]
    assert len(set(losses)) == 4 and all(math.isfinite(loss) for loss in losses)


def test_beams_are_compared_with_the_same_model(tmp_path):
    lesson = hold(tmp_path, "beam_width", *SMALL, "lesson.widths=[1,2]", "lesson.sentences=5")
    found = {key: value for key, value in lesson.record["metrics"].items() if key.startswith("BLEU")}
    assert len(found) == 6 and len({found[f"BLEU, beam 1, α {penalty}"] for penalty in ("0", "0.75", "1.5")}) == 1


@pytest.mark.parametrize(("ended", "length"), [(True, 4), (False, 3)])
def test_the_log_probability_is_that_of_the_score(ended, length):
    one = Decoded([4, 5, 6], -6.0 / length**0.75, ended)
    assert log_chance(one, 0.75) == pytest.approx(-6.0, rel=1e-12)
