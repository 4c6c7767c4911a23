"""The kernel [1, −1] is found from one picture."""

import pytest
from lesson_runs import hold


@pytest.mark.parametrize("seed", [2, 5])
def test_ten_steps_find_the_kernel(tmp_path, seed):
    lesson = hold(tmp_path, "edge_kernel", f"seed={seed}")
    left, right = (lesson.curve("edge_kernel", f"train/kernel_{i}") for i in (0, 1))
    assert (left[-1], right[-1]) == (pytest.approx(1, abs=0.1), pytest.approx(-1, abs=0.1))
    # The curvature of the summed squared error is 60 along (1, 1) and 12 along (1, −1): with rate 0.03 a step leaves
    # −0.8 and 0.64 of the distance.
    for i in range(len(left) - 1):
        assert left[i + 1] + right[i + 1] == pytest.approx(-0.8 * (left[i] + right[i]), abs=1e-5)
        assert left[i + 1] - right[i + 1] - 2 == pytest.approx(0.64 * (left[i] - right[i] - 2), abs=1e-5)
    if seed == 2:  # the notes' figure
        assert 42 * lesson.metric("edge kernel", "train/loss") == pytest.approx(0.003, abs=0.0005)
