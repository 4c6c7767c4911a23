"""Attention pooling and sinusoidal positions: the numbers of their pictures."""

import pytest
import torch
from helpers import run
from lesson_runs import checked, hold

from dl_runner.errors import UserError
from dl_runner.layers.positions import sinusoids
from dl_runner.lessons.positional_encoding import period, turn
from dl_runner.running.lesson import teach


def test_near_points_count_more_and_a_learned_width_is_narrower(tmp_path):
    lesson = hold(tmp_path, "attention_pooling")
    error = [lesson.metric(pooling, "mean squared error") for pooling in ("average", "gaussian", "learned")]
    assert error[0] > 2 * error[1] > 2 * error[2]
    assert error[2] == pytest.approx(lesson.metric("learned", "test/loss"), rel=1e-5)
    average, gaussian, learned = (
        lesson.metric(pooling, "largest weight") for pooling in ("average", "gaussian", "learned")
    )
    assert average == pytest.approx(1 / 50) and 4 * average < gaussian < learned / 4


def test_what_has_nothing_to_learn_is_not_trained(tmp_path):
    with pytest.raises(UserError, match=r"^model=nadaraya_watson: has no parameter, so there is nothing to train$"):
        run(tmp_path, "experiment=notes/nadaraya_watson", "model.pooling=gaussian")


def test_a_distance_is_a_turn_of_each_hand(tmp_path):
    lesson = hold(tmp_path, "positional_encoding")
    ((name, difference),) = lesson.record["metrics"].items()
    assert name.startswith("largest difference") and difference < 1e-6
    assert not (lesson.folder / "arms").exists()


@pytest.mark.parametrize("distance", [0, 1, 7])
def test_turned_positions_are_those_at_the_distance(distance):
    table = sinusoids(40, 6).double()
    torch.testing.assert_close(turn(table[:20], distance), table[distance : 20 + distance], rtol=0, atol=1e-6)


def test_a_hand_is_back_after_its_period():
    # 10000^(2 / 8) = 10: ten times as slow as the first, which turns by one radian at each place.
    assert period(2, 8) == period(3, 8) == pytest.approx(10 * period(0, 8)) == pytest.approx(62.83, abs=0.01)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("lesson.column=7", "lesson.column=7: has to be even"),
        ("lesson.column=30", "lesson.column=30: has to be even and at most"),
        ("lesson.width=31", "lesson.width=31 even"),
        ("lesson.distance=60", "lesson.distance=60: has to be at least 1 and below lesson.places=60"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path, option, words):
    with pytest.raises(UserError, match=words):
        teach(checked("experiment=lessons/positional_encoding", option), tmp_path, "lesson")
