"""What a prediction looks like in a terminal, and the pictures that come with it."""

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from dl_runner.errors import UserError
from dl_runner.report.answers import render


def shown(rows, folder, capsys, width: int = 80) -> str:
    Console(width=width).print(render(rows, folder))
    return capsys.readouterr().out


def test_the_table_shows_file_classes_and_probabilities(tmp_path, capsys):
    rows = [
        {"picture": "a[1].png", "1.": "ankle boot 97.1%", "2.": "sneaker 2.0%"},
        {"picture": "b.png", "1.": "sandal 50.0%"},
    ]
    lines = shown(rows, tmp_path, capsys).splitlines()
    [line] = [line for line in lines if "a[1].png" in line]
    assert "ankle boot 97.1%" in line and "sneaker 2.0%" in line
    [line] = [line for line in lines if "b.png" in line]
    assert "sandal 50.0%" in line


def test_texts_alone_are_no_table(tmp_path, capsys):
    assert shown([{"text": "to be [or] not"}, {"text": "to be"}], tmp_path, capsys) == "to be [or] not\nto be\n"


def test_a_long_name_is_folded_and_no_answer_is_cut(tmp_path, capsys):
    out = shown([{"picture": 50 * "x", "1.": "ankle boot 97.1%"}], tmp_path, capsys, width=40)
    assert "ankle boot 97.1%" in out and out.count("x") == 50


def test_numbers_have_four_digits(tmp_path, capsys):
    assert "0.1235" in shown([{"input": "a", "value": 0.123456}], tmp_path, capsys)


def test_a_picture_is_written_beside_its_input_and_named(tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    out = shown([{"picture": "somewhere/cat.png", "mask": pixels}], tmp_path / "out", capsys, width=400)
    assert str(tmp_path / "out" / "cat_mask.png") in out
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "cat_mask.png")), pixels)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"^--out .*out: cannot be made"):
        render([{"picture": "cat.png", "mask": np.zeros((2, 2, 3), np.uint8)}], tmp_path / "out")


def test_a_picture_of_the_longest_name_gets_one_that_fits(tmp_path, capsys):
    longest = 80 * "図" + 11 * "x" + ".png"  # 255 bytes
    shown([{"picture": longest, "masks": np.zeros((4, 4, 3), np.uint8)}], tmp_path, capsys)
    (written,) = tmp_path.iterdir()
    assert written.name.startswith(50 * "図") and written.name.endswith("_masks.png")
