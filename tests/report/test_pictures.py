import numpy as np
import pytest

from dl_runner.report.pictures import confusion_matrix, image_grid


def red(picture: np.ndarray) -> np.ndarray:
    """Where a picture is clearly red, (height, width)."""
    r, g, b = picture.astype(int).transpose(2, 0, 1)
    return (r > 150) & (g < 90) & (b < 90)


def is_picture(picture: np.ndarray) -> bool:
    return picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3 and picture.std() > 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 5])
def test_a_grid_of_any_number_of_images(count, channels):
    images = np.random.default_rng(0).integers(0, 256, (count, channels, 9, 7), dtype=np.uint8)
    assert is_picture(image_grid(images, [f"{i}" for i in range(count)]))


def test_only_wrong_images_are_marked():
    images = np.full((4, 1, 8, 8), 128, dtype=np.uint8)
    titles = ["cat"] * 4
    assert not red(image_grid(images, titles, [True] * 4)).any()
    marked = red(image_grid(images, titles, [True, True, True, False]))
    height, width = marked.shape
    assert marked[height // 2 :, width // 2 :].any()
    assert not marked[: height // 2 - 5].any() and not marked[:, : width // 2 - 5].any()


def test_grey_values_and_colours_are_shown_as_they_are():
    grey = image_grid(np.full((1, 1, 4, 4), 77, dtype=np.uint8), [""])
    assert (grey == 77).all(axis=2).mean() > 0.4
    colour = np.zeros((1, 3, 4, 4), dtype=np.uint8)
    colour[0, 1] = 201
    assert (image_grid(colour, [""]) == [0, 201, 0]).all(axis=2).mean() > 0.4


def test_images_beyond_the_36th_are_left_out():
    images = np.zeros((40, 1, 4, 4), dtype=np.uint8)
    titles = [f"{i}" for i in range(40)]
    np.testing.assert_array_equal(image_grid(images, titles), image_grid(images[:36], titles[:36]))


def test_a_dollar_in_a_title_is_a_dollar():
    assert is_picture(image_grid(np.zeros((1, 1, 4, 4), dtype=np.uint8), ["a$b_{$"]))


@pytest.mark.parametrize(
    ("shape", "titles", "correct"),
    [((0, 1, 4, 4), [], None), ((2, 1, 4, 4), ["a"], None), ((1, 1, 4, 4), ["a"], []), ((1, 2, 4, 4), ["a"], None)],
)
def test_a_grid_of_things_that_do_not_match_is_refused(shape, titles, correct):
    with pytest.raises(ValueError, match="images"):
        image_grid(np.zeros(shape, dtype=np.uint8), titles, correct)


@pytest.mark.parametrize("k", [2, 20, 60])
def test_a_matrix_of_any_number_of_classes(k):
    assert is_picture(confusion_matrix(np.eye(k, dtype=int) * 7, [f"class {i}" for i in range(k)]))


def test_rows_are_true_and_columns_predicted():
    counts = np.array([[0, 9], [0, 0]])  # all of the first class taken for the second: upper right is dark
    picture = confusion_matrix(counts, ["a", "b"])
    rows, columns = np.nonzero(picture[..., 2].astype(int) - picture[..., 0] > 80)  # dark blue
    height, width = picture.shape[:2]
    assert rows.mean() < height / 2 and columns.mean() > width / 2


def test_numbers_are_drawn_up_to_twenty_classes():
    def drawing_changes_with_the_count(k: int) -> bool:
        names = [""] * k
        few, many = (confusion_matrix(np.eye(k, dtype=int) * count, names) for count in (1, 888))
        return bool((few != many).any())

    assert drawing_changes_with_the_count(20) and not drawing_changes_with_the_count(21)


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 classes"):
        confusion_matrix(np.eye(2, dtype=int), ["a", "b", "c"])
