"""Which subfolders are splits and which are classes: recognized, or refused with the remedy."""

import pytest
from pictures import class_folders, picture

from dl_runner.data.folders import read_folder, split_named
from dl_runner.errors import UserError


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training", "train"),
        ("TRAIN", "train"),
        ("train_set", "train"),
        ("Training Set", "train"),
        ("train-images", "train"),
        ("val", "validation"),
        ("dev", "validation"),
        ("Validation", "validation"),
        ("Testing", "test"),
        ("TestData", "test"),
        ("trainer", None),
        ("tests", None),
        ("set", None),
        ("data", None),
        ("contest", None),
    ],
)
def test_names_of_splits(name, split):
    assert split_named(name) == split


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "dev", "Testing"), ("TRAIN", "Validation", "TEST")]
)
def test_split_folders_are_recognized_in_any_case_and_those_of_other_names_are_told(tmp_path, names):
    for number, name in enumerate(names):
        class_folders(tmp_path / name, 3 - number)
    contents = read_folder(tmp_path)
    assert contents.classes == ("cat", "dog")
    assert {split: labels for split, (_, labels) in contents.files.items()} == {
        "train": [0, 0, 0, 1, 1, 1],
        "validation": [0, 0, 1, 1],
        "test": [0, 1],
    }
    told = " ".join(contents.notes)
    assert all((f"{name}/ is the" in told) == (name not in ("train", "test")) for name in names)


def test_layout_classes_takes_every_name_for_a_class(tmp_path):
    class_folders(tmp_path, 2, ["train", "test", "val"])
    contents = read_folder(tmp_path, "classes")
    assert contents.classes == ("test", "train", "val") and set(contents.files) == {""}


def test_a_class_called_train_beside_others_is_a_class(tmp_path):
    class_folders(tmp_path, 2, ["train", "car", "bus"])
    contents = read_folder(tmp_path)
    assert contents.classes == ("bus", "car", "train") and contents.files[""][1] == [0, 0, 1, 1, 2, 2]


def split_beside_classes(folder):
    class_folders(folder / "train", 2)
    class_folders(folder, 2, ["bird"])


def flat_splits(folder):
    class_folders(folder, 2, ["Training", "Testing"])


def no_training(folder):
    class_folders(folder / "val", 2)
    class_folders(folder / "test", 2)


def two_of_one(folder):
    for name in ("train", "val", "dev"):
        class_folders(folder / name, 2)


def flat_test(folder):
    class_folders(folder / "train", 2)
    class_folders(folder, 2, ["test"])


def unknown_class(folder):
    class_folders(folder / "train", 2)
    class_folders(folder / "test", 2, ["Cat"])


def empty_class(folder):
    class_folders(folder, 2)
    (folder / "bird").mkdir()
    (folder / "bird" / "a.heic").write_text("x")


def nested(folder):
    class_folders(folder / "pets", 2)


def no_classes(folder):
    picture(folder / "a.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (split_beside_classes, r"train/ is a split by name and bird/ is not; move away .*data\.layout=classes"),
        (flat_splits, r"Testing: is a split by its name and holds no class folders; .*data\.layout=classes"),
        (no_training, r"holds test and val and no training split; .*data\.layout=classes"),
        (two_of_one, r"holds dev and val; keep one of them for validation"),
        (flat_test, r"test: is a split by its name and holds no class folders; .*dlrun predict"),
        (unknown_class, r"test/Cat: no such class"),
        (empty_class, r"bird: holds no image that Pillow reads, only a\.heic; fill or remove it"),
        (nested, r"two classes or more, found 1 \(pets\); data\.path=.*pets\?"),
        (no_classes, r"two classes or more, found 0"),
    ],
)
def test_what_is_ambiguous_is_refused_with_the_remedy(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(UserError, match=message) as raised:
        read_folder(tmp_path)
    assert "\n" not in str(raised.value)


def test_what_is_not_used_is_named(tmp_path):
    class_folders(tmp_path, 1)
    picture(tmp_path / "stray.png")
    (tmp_path / "README").write_text("x")
    (tmp_path / "bird").symlink_to(tmp_path / "nowhere")
    (tmp_path / "cat" / "labels.csv").write_text("x")
    assert read_folder(tmp_path).unused == {
        "README": "no picture",
        "bird": "broken link",
        "stray.png": "in no class folder",
        "cat/labels.csv": "no picture",
    }
