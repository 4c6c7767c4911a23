"""The picture of augmented copies, in a run's trackers and as a file."""

import numpy as np
import pytest
import torch
from helpers import run
from PIL import Image
from specs import labelled
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dl_runner.cli.app import run as command
from dl_runner.data.augment import horizontal_flip
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.report.augmentation import COPIES, EXAMPLES, augmented_copies
from dl_runner.report.pictures import image_table, save_png
from dl_runner.spec import DataSpec


def halves(n: int, channels: int) -> TensorSplit:
    """Images that are black on the left and white on the right."""
    images = torch.zeros(n, channels, 10, 10, dtype=torch.uint8)
    images[..., 5:] = 255
    return TensorSplit(images, torch.zeros(n, dtype=torch.int64))


def spec(channels: int, side: int = 10) -> DataSpec:
    shape = (channels, side, side)
    return labelled(shape, 1, ("half",), (0.3,) * channels, (0.2,) * channels)


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (9, 3)])
def test_a_row_is_an_image_and_its_eight_copies_without_normalization(n, channels):
    picture = augmented_copies(halves(n, channels), spec(channels), horizontal_flip(p=0.5))
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    assert np.isin([0, 255], picture).all()
    line = picture[picture.shape[0] // 2 if n == 1 else picture.shape[0] // 6].mean(1) < 128
    runs = np.flatnonzero(np.diff(line.astype(int)))  # edges of the black halves, one half per image
    black = np.diff(runs[-2 * (COPIES + 1) :])[::2]
    assert len(black) == COPIES + 1 and np.ptp(black) <= 2


def test_the_copies_are_what_the_transform_makes_of_the_resized_images():
    seen = []

    def transform(images, generator):
        seen.append((images, torch.rand(2, generator=generator)))
        return images

    state = torch.get_rng_state()
    for _ in range(2):
        augmented_copies(halves(9, 3), spec(3, 20), transform, seed=4)
    (images, drawn), (again, drawn_again) = seen
    assert images.shape == (EXAMPLES * COPIES, 3, 20, 20)
    assert (images.min(), images.max()) == (0, 1)
    assert torch.equal(images, again) and torch.equal(drawn, drawn_again)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_table_shows_each_image_in_its_row_and_column():
    values = np.arange(10, 250, 40, dtype=np.uint8)  # six greys
    images = np.broadcast_to(values.reshape(2, 3, 1, 1, 1), (2, 3, 1, 8, 8))
    picture = image_table(images, ["a", "b$"], ["1", "2", "3"])
    # The median, as the edges of letters have greys, too.
    centres = [np.median(np.argwhere((picture == value).all(2)), axis=0) for value in values]
    rows, columns = np.array(centres).reshape(2, 3, 2).transpose(2, 0, 1)
    assert np.ptp(rows, 1).max() < 3 and (rows[1] - rows[0] > 50).all()
    assert np.ptp(columns, 0).max() < 3 and (np.diff(columns, axis=1) > 50).all()


@pytest.mark.parametrize(
    ("shape", "rows"), [((2, 3, 2, 4, 4), "ab"), ((2, 3, 1, 4, 4), "a"), ((0, 3, 1, 4, 4), ""), ((2, 3, 4, 4), "ab")]
)
def test_a_table_of_things_that_do_not_match_is_refused(shape, rows):
    with pytest.raises(ValueError, match="expected images"):
        image_table(np.zeros(shape, dtype=np.uint8), list(rows), ["1", "2", "3"])


def test_a_png_holds_the_pixels_and_a_place_that_is_none_is_refused(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    save_png(pixels, tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    with pytest.raises(UserError, match="cannot be written"):
        save_png(pixels, tmp_path / "nowhere" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


SHORT = ["tracker.tensorboard=true", "trainer.steps=2", "data.limit=70", "trainer.evaluate_batches=1"]


@pytest.mark.parametrize(("augment", "expected"), [("flip_crop", True), ("none", False)])
def test_a_run_that_augments_shows_so_in_tensorboard(tmp_path, augment, expected):
    run(tmp_path, *SHORT, f"augment={augment}")
    events = EventAccumulator(str(tmp_path / "run")).Reload()
    assert ("train/augmented" in events.Tags()["images"]) == expected
    if expected:
        assert [event.step for event in events.Images("train/augmented")] == [0]


def test_summary_draws_the_augmentation_that_it_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(["summary", "device=cpu", "device.threads=1"]) == 0
    assert command(["summary", "augment=none", "device=cpu", "device.threads=1"]) == 0
    assert not list(tmp_path.iterdir())
    assert command(["summary", "augment=notes", "device=cpu", "device.threads=1"]) == 0
    assert "augmented.png" in capsys.readouterr().out
    assert command(["summary", "augment=flip", "--picture", "flip.png", "device=cpu", "device.threads=1"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["augmented.png", "flip.png"]
    assert Image.open("flip.png").size == Image.open("augmented.png").size


def test_an_augmentation_that_the_images_are_too_small_for_is_refused_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(["augment=gaussian_blur", "augment.transforms.0.kernel_size=99"]) == 2
    assert "augment.kernel_size=99: too large for images of 28x28 pixels" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
