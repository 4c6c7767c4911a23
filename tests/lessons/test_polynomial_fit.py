"""Underfitting, the right degree, and overfitting are in the losses."""

import pytest
from lesson_runs import hold


def test_each_degree_fails_or_succeeds_as_the_lesson_says(tmp_path):
    lesson = hold(tmp_path, "polynomial_fit")
    low, right, high, few = (
        (lesson.metric(arm, "train/loss"), lesson.metric(arm, "test/loss"))
        for arm in ("degree 1", "degree 3", "degree 20", "degree 20, 8 examples")
    )
    assert right[0] == pytest.approx(0.5, abs=0.1) and right[1] < 2 * right[0]  # the variance of the noise, halved
    assert low[0] > 4 * right[0] and low[1] > 4 * right[1]
    assert high[0] < right[0] and high[1] > 3 * right[1]
    assert few[0] < high[0] and few[1] > high[1]
