"""With dropout a network that learns its examples by heart fits them less, and its test loss is nearer to theirs."""

import pytest
from lesson_runs import LessonRun, hold

ARMS = ("no dropout", "dropout 0.5")
ONCE = ("trainer.evaluate_every='15 epochs'", "trainer.log_every='15 epochs'", "lesson.rates=[0,0.5]")
SMALL = ("model.hidden=[128,128]", "optimizer.lr=0.003", "trainer.epochs=15", *ONCE)


def pair(lesson: LessonRun, name: str) -> list[float]:
    return [lesson.metric(arm, name) for arm in ARMS]


def test_the_gap_between_the_splits_and_the_test_loss_are_smaller_with_dropout(real_root, tmp_path):
    lesson = hold(tmp_path, "dropout", f"data.root={real_root}", *SMALL)
    for name in ("loss gap", "accuracy gap", "test/loss", "train/accuracy_with_all_units"):
        without, with_dropout = pair(lesson, name)
        assert with_dropout < without, name
    assert lesson.metric("no dropout", "train/accuracy_with_all_units") > 0.95


def test_the_training_split_is_measured_with_all_units_on(tmp_path):
    lesson = hold(tmp_path, "dropout", "data=digits", "data.image_size=null", "data.limit=300", *SMALL)
    for metric in ("loss", "accuracy"):
        fitted, tested = pair(lesson, f"train/{metric}_with_all_units"), pair(lesson, f"test/{metric}")
        gaps = [abs(one - other) for one, other in zip(fitted, tested, strict=True)]
        assert pair(lesson, f"{metric} gap") == pytest.approx(gaps)
    assert lesson.metric("dropout 0.5", "train/loss") > 2 * lesson.metric("dropout 0.5", "train/loss_with_all_units")
