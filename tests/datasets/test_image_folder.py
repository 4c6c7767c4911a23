"""Image folders: decoding, classes, given and cut splits, wrong files."""

import numpy as np
import pytest
import torch
from pictures import class_folders, deep, picture
from PIL import Image

from dl_runner.data.images import decode
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.datasets.image_folder import image_folder
from dl_runner.errors import UserError


@pytest.mark.parametrize(("width", "height", "size"), [(40, 30, 16), (30, 41, 16), (20, 20, 33), (8, 50, 8)])
def test_decoding_is_resize_and_centre_crop_of_torchvision(tmp_path, width, height, size):
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, PILToTensor, Resize

    path = picture(tmp_path / "image.png", width, height)
    reference = Compose([Resize(size, InterpolationMode.BILINEAR), CenterCrop(size), PILToTensor()])
    assert torch.equal(decode(path, (size, size)), reference(Image.open(path)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_every_colour_mode_becomes_rgb(tmp_path, mode):
    path = picture(tmp_path / ("image.tif" if mode == "CMYK" else "image.png"), 8, 8, mode)
    expected = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)
    assert torch.equal(decode(path, (8, 8)), expected)


def test_a_photograph_taken_sideways_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to show
    path = picture(tmp_path / "image.png", 8, 8, exif=exif)
    upright = np.rot90(np.array(Image.open(path)), k=-1).copy()
    assert torch.equal(decode(path, (8, 8)), torch.from_numpy(upright).permute(2, 0, 1))


def test_class_folders_are_split_in_proportion_and_by_the_seed(tmp_path):
    class_folders(tmp_path / "pets", 20)
    data = image_folder(tmp_path, path="pets", test=0.25, image_size=8, seed=1).loaded()
    assert data.spec.classes == ("cat", "dog") and data.spec.input_shape == (3, 8, 8)
    assert torch.bincount(data.train.targets).tolist() == [15, 15]
    assert torch.bincount(data.test.targets).tolist() == [5, 5]
    again, other = (image_folder(tmp_path, path="pets", test=0.25, image_size=8, seed=seed).loaded() for seed in (1, 2))
    assert torch.equal(data.test.inputs, again.test.inputs)
    assert not torch.equal(data.test.inputs, other.test.inputs)
    assert image_folder(tmp_path, path="pets", test=0.0, image_size=8).test is None


@pytest.mark.parametrize("validation", ["validation", "val", "valid", None])
def test_given_splits_are_used_as_given(tmp_path, validation):
    class_folders(tmp_path / "train", 6)
    class_folders(tmp_path / "test", 3, classes=["dog"])
    if validation:
        class_folders(tmp_path / validation, 2)
    data = image_folder(tmp_path / "unused", path=str(tmp_path), image_size=8)
    assert torch.bincount(data.train.targets).tolist() == [6, 6]
    assert data.test.targets.tolist() == [1, 1, 1]
    assert validation is None or torch.bincount(data.validation.targets).tolist() == [2, 2]
    assert (data.validation is None) == (validation is None)


def test_in_memory_and_on_disk_are_the_same_images(tmp_path):
    class_folders(tmp_path, 5)
    in_memory, on_disk = (
        image_folder(tmp_path, path=".", image_size=8, in_memory=choice).loaded().train for choice in ("auto", False)
    )
    assert isinstance(in_memory, TensorSplit) and isinstance(on_disk, FileSplit)
    assert torch.equal(in_memory.inputs, on_disk.load(range(len(on_disk))))
    assert torch.equal(in_memory.targets, on_disk.targets)


def test_auto_leaves_on_disk_what_exceeds_the_budget(tmp_path, monkeypatch):
    class_folders(tmp_path, 5)
    size = 10 * 3 * 8 * 8
    for budget, kind in ((size, TensorSplit), (size - 1, FileSplit)):
        monkeypatch.setattr("dl_runner.data.photographs.IN_MEMORY_BYTES", budget)
        assert isinstance(image_folder(tmp_path, path=".", image_size=8).loaded().train, kind)
    assert isinstance(image_folder(tmp_path, path=".", image_size=8, in_memory=True).loaded().train, TensorSplit)


def test_hidden_and_other_files_are_passed_over_and_subfolders_are_searched(tmp_path):
    class_folders(tmp_path, 2)
    picture(tmp_path / "cat" / "more" / "x.JPG")
    for name in (".DS_Store", "notes.txt", ".hidden.png", ".thumbnails/a.png"):
        (tmp_path / "cat" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "cat" / name).write_text("no image")
    (tmp_path / ".git").mkdir()
    data = image_folder(tmp_path, path=".", test=0.0, image_size=8)
    assert torch.bincount(data.train.targets).tolist() == [3, 2]


def test_a_path_is_absolute_or_below_the_root(tmp_path):
    class_folders(tmp_path / "root" / "pets", 2)
    for path in ("pets", str(tmp_path / "root" / "pets")):
        assert len(image_folder(tmp_path / "root", path=path, test=0.0, image_size=8).train) == 4
    with pytest.raises(UserError, match=rf"data\.path=cats: no such folder .*{tmp_path / 'root' / 'cats'} and "):
        image_folder(tmp_path / "root", path="cats", image_size=8)


def no_size(folder):
    return {"image_size": None}


def broken(folder):
    (folder / "cat" / "broken.png").write_bytes((folder / "cat" / "00.png").read_bytes()[:80])


def not_an_image(folder):
    (folder / "cat" / "broken.png").write_text("hello")


def no_images(folder):
    (folder / "empty").mkdir()


def one_class(folder):
    (folder / "dog").rename(folder / ".dog")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_size, r"data\.image_size=null"),
        (broken, r"broken\.png: not a readable image .*data\.skip_damaged=true .*`dlrun check`"),
        (not_an_image, r"broken\.png: not a readable image"),
        (no_images, r"empty: holds no image"),
        (one_class, r"two classes or more, found 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, harm, message):
    class_folders(tmp_path, 2)
    options = {"image_size": 8} | (harm(tmp_path) or {})
    with pytest.raises(UserError, match=message) as raised:
        image_folder(tmp_path, path=".", **options).loaded()
    assert "\n" not in str(raised.value)


def test_twelve_bits_in_sixteen_are_scaled_by_the_white_of_the_training_pictures(tmp_path):
    for name, top in (("cat", 1000), ("dog", 4000)):
        for number in range(4):
            deep(tmp_path / "train" / name / f"{number}.png", top + number)
            deep(tmp_path / "test" / name / f"{number}.png", top)
    data = image_folder(tmp_path, path=".", image_size=8)
    assert data.spec.inputs.white == 4095 and data.notes == (
        "pictures of more than 8 bits, white is 4,095 (data.white)",
    )
    data = data.loaded()
    assert data.train.inputs.max() == round(4003 * 255 / 4095) and data.test.inputs.max() == round(4000 * 255 / 4095)
    given = image_folder(tmp_path, path=".", image_size=8, white=8191).loaded()
    assert given.spec.inputs.white == 8191 and given.train.inputs.max() == round(4003 * 255 / 8191)


def test_a_test_picture_that_is_brighter_than_white_is_refused_and_not_cut_off(tmp_path):
    for name in ("cat", "dog"):
        deep(tmp_path / "train" / name / "a.png", 4000)
    deep(tmp_path / "test" / "cat" / "bright.png", 60000)
    with pytest.raises(UserError, match=r"bright\.png: has values up to 60,000, and white is 4,095; data\.white=65535"):
        image_folder(tmp_path, path=".", image_size=8).loaded()


def test_damaged_pictures_are_left_out_when_asked_for_and_named(tmp_path):
    class_folders(tmp_path, 5)
    broken(tmp_path)
    (tmp_path / "dog" / "notes.txt").write_text("x")
    data = image_folder(tmp_path, path=".", image_size=8, test=0.0, skip_damaged=True)
    assert len(data.loaded().train) == 10
    assert list(data.left_out) == ["cat/broken.png"] and "truncated" in data.left_out["cat/broken.png"]
    assert data.unused == {"dog/notes.txt": "no picture"}


def test_a_class_of_damaged_pictures_alone_is_refused(tmp_path):
    class_folders(tmp_path, 1)
    broken(tmp_path)
    (tmp_path / "cat" / "00.png").unlink()
    with pytest.raises(UserError, match=r"cat: all its pictures are damaged"):
        image_folder(tmp_path, path=".", image_size=8, skip_damaged=True)
