import numpy as np
import pytest

from dl_runner.report.heat_map import heat_maps


def place_of(row: int, column: int) -> tuple[float, float]:
    """The middle of what is dark where all weight is in one cell of two rows and three columns."""
    weights = np.zeros((1, 2, 3))
    weights[0, row, column] = 1
    picture = heat_maps(weights, ["haut", "bas"], ["left", "middle", "right"], [""])
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    dark = (picture == [8, 48, 107]).all(2)  # the end of the scale
    dark[:, int(0.8 * dark.shape[1]) :] = False  # the scale itself
    rows, columns = np.nonzero(dark)
    assert len(rows) > 200
    return rows.mean(), columns.mean()


def test_a_weight_is_where_its_words_meet():
    (top, left), (_, middle), (bottom, right) = place_of(0, 0), place_of(0, 1), place_of(1, 2)
    assert bottom > top + 10 and middle - left == pytest.approx(right - middle, abs=2) and middle > left + 10


def test_more_heads_stand_beside_and_below_each_other():
    one, four, six = (heat_maps(np.full((n, 3, 3), 0.5), "abc", "xyz", [str(i) for i in range(n)]) for n in (1, 4, 6))
    assert one.shape[0] == four.shape[0] < six.shape[0] and one.shape[1] < four.shape[1] == six.shape[1]


def test_padding_and_whatever_has_no_words_is_left_out():
    weights = np.zeros((1, 5, 6))
    weights[0, 3:] = weights[0, :, 4:] = 1
    empty = heat_maps(np.zeros((1, 3, 4)), "abc", "wxyz", [""])
    assert np.array_equal(heat_maps(weights, "abc", "wxyz", [""]), empty)


def test_words_may_look_like_formulas_or_be_long():
    assert heat_maps(np.ones((1, 1, 2)), ["$x_1$"], ["a" * 90, "\\frac"], [""]).shape[0] < 500


@pytest.mark.parametrize("shape, titles", [((1, 2, 2), ["a"]), ((0, 3, 3), []), ((2, 3, 3), ["a"]), ((3, 3), ["a"])])
def test_other_sizes_are_refused(shape, titles):
    with pytest.raises(ValueError, match=r"weights|titles"):
        heat_maps(np.zeros(shape), "abc", "xyz", titles)
