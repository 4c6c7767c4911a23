"""How a folder of pictures is laid out: a subfolder for each class, or such folders for each split."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dl_runner.data.picture_files import Found, below, entries, is_picture, listed
from dl_runner.errors import UserError

SPLITS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "validate", "dev", "devel", "development"),
    "test": ("test", "testing", "tst"),
}
_WORDS = {word: split for split, words in SPLITS.items() for word in words}
_ENDING = re.compile(r"[\s_-]*(set|data|images|split)$")  # train_set, TestData, val-images
Layout = Literal["auto", "classes"]


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Args:
        classes: names in the order of the labels.
        files: SPLIT → picture files and their labels; the split of a folder without split folders is "".
        unused: names of what is not used, and why.
        notes: what was read in another way than one might expect, a line each.
    """

    classes: tuple[str, ...]
    files: dict[str, tuple[list[Path], list[int]]]
    unused: dict[str, str]
    notes: list[str]


def split_named(name: str) -> str | None:
    """The split that a folder's name means, in any case, with or without an ending such as _set; None if none."""
    word = name.lower()
    return _WORDS.get(word) or _WORDS.get(_ENDING.sub("", word))


def read_folder(folder: Path, layout: Layout = "auto") -> Contents:
    """The classes and files of a folder of pictures, each split in the order of classes and paths; no file is decoded.

    Args:
        layout: "classes" takes every subfolder for a class, also one that is called train.

    Raises:
        UserError: it is ambiguous what is meant, or classes or pictures are missing.
    """
    found: Found = Found()
    names = _subfolders(folder, found)
    given = _split_folders(folder, names) if layout == "auto" else {}
    classes = _class_names(folder / given.get("train", ""))
    files = {split: _read_split(folder / name, split, classes, found) for split, name in (given or {"": ""}).items()}
    renamed = [f"{name}/ is the {split} split" for split, name in given.items() if name != split]
    unused = {str(path.relative_to(folder)): reason for path, reason in found.unused.items()}
    return Contents(classes, files, unused, [", ".join(renamed)] if renamed else [])


def _split_folders(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """SPLIT → its folder's name, in the order of training, validation, test; {} where the subfolders are classes."""
    meant = {name: split for name in names if (split := split_named(name))}
    others = [name for name in names if name not in meant]
    with_classes = [name for name in meant if _subfolders(folder / name, Found())]
    if not meant or (others and not with_classes):  # a folder of pictures beside others is a class of any name
        return {}
    all_classes = "data.layout=classes takes all subfolders for classes"
    if others:
        raise UserError(
            f"{folder}: {listed([f'{name}/' for name in meant])} {'is a split' if len(meant) == 1 else 'are splits'} "
            f"by name and {listed([f'{name}/' for name in others])} {'is' if len(others) == 1 else 'are'} not; "
            f"move away what does not belong here, or {all_classes}"
        )
    for split in SPLITS:
        same = [name for name in names if meant[name] == split]
        if len(same) > 1:
            raise UserError(f"{folder}: holds {' and '.join(same)}; keep one of them for {split}, or {all_classes}")
    if "train" not in meant.values():
        raise UserError(
            f"{folder}: holds {' and '.join(meant)} and no training split; name that folder train, or {all_classes}"
        )
    for name in meant:
        if name not in with_classes:
            raise UserError(
                f"{folder / name}: is a split by its name and holds no class folders; sort its pictures into them, "
                f"move it away (`dlrun predict` takes pictures without a class), or {all_classes}"
            )
    return {split: name for split in SPLITS for name in names if meant[name] == split}


def _read_split(folder: Path, split: str, classes: Sequence[str], found: Found) -> tuple[list[Path], list[int]]:
    """The files and labels of a split; what is not used goes to `found`."""
    unknown = set(_subfolders(folder, found)) - set(classes)
    if unknown:
        raise UserError(f"{folder / min(unknown)}: no such class among the training pictures; rename or remove it")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        inside = below(folder / name) if (folder / name).is_dir() else Found()
        if not inside.pictures and split in ("", "train"):
            others = f", only {listed([path.name for path in inside.unused])}" if inside.unused else ""
            raise UserError(f"{folder / name}: holds no image that Pillow reads{others}; fill or remove it")
        paths += inside.pictures
        labels += [label] * len(inside.pictures)
        found.unused |= inside.unused
    if not paths:
        raise UserError(f"{folder}: holds no image; fill or remove it")
    return paths, labels


def _class_names(folder: Path) -> tuple[str, ...]:
    classes = _subfolders(folder, Found())
    if len(classes) < 2:
        raise UserError(
            f"{folder}: needs a subfolder of images for each of two classes or more, found {len(classes)}"
            f"{f' ({classes[0]}); data.path={folder / classes[0]}?' if classes else ''}"
        )
    return classes


def _subfolders(folder: Path, found: Found) -> tuple[str, ...]:
    """The names of the subfolders, linked ones included; other entries go to `found`."""
    names = []
    for entry in entries(folder):
        if entry.is_dir():
            names.append(entry.name)
        elif not Path(entry.path).exists():
            found.unused[Path(entry.path)] = "broken link"
        else:
            found.unused[Path(entry.path)] = "in no class folder" if is_picture(Path(entry.path)) else "no picture"
    return tuple(names)
