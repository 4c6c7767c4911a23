"""Pictures in one folder with a table of their classes; what does not belong together is named by line and file."""

import shutil

import numpy as np
import pytest
import torch
from helpers import run
from PIL import Image

from dl_runner.cli.app import run as command
from dl_runner.datasets.labelled_files import labelled_files
from dl_runner.errors import UserError


@pytest.fixture
def kaggle(tmp_path):
    """Twelve numbered pictures, each of one colour that its class tells, and their table."""
    (tmp_path / "train").mkdir()
    lines = ["id,label"]
    for number in range(1, 13):
        label = "frog" if number % 3 else "cat"
        colour = (number, 255 if label == "frog" else 0, 0)
        Image.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(tmp_path / "train" / f"{number}.png")
        lines.append(f"{number},{label}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def read(folder, **options):
    return labelled_files(
        folder, **{"path": "train", "labels": "labels.csv", "image_size": 8, "test": 0.0} | options
    ).loaded()


def rewrite(folder, change):
    path = folder / "labels.csv"
    path.write_text(change(path.read_text()))


def test_each_picture_gets_the_class_of_its_line(kaggle):
    data = read(kaggle)
    assert data.spec.classes == ("cat", "frog") and len(data.train) == 12
    assert data.train.inputs[:, 0, 0, 0].tolist() == list(range(1, 13))  # 2.png before 10.png
    assert torch.equal(data.train.targets == 1, data.train.inputs[:, 1, 0, 0] == 255)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "﻿" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: "".join(f'"{line.partition(",")[0]}","{line.partition(",")[2]}"\n' for line in text.split()),
        lambda text: text.replace(",frog", ".png,frog").replace(",cat", " , cat "),
        lambda text: "id,label\n" + "".join(f"{line}\n" for line in reversed(text.split()[1:])),
    ],
    ids=["byte-order mark", "carriage returns", "empty lines", "quotes", "endings and blanks", "another order"],
)
def test_a_table_may_be_written_otherwise(kaggle, change):
    expected = read(kaggle)
    rewrite(kaggle, change)
    found = read(kaggle)
    assert torch.equal(found.train.targets, expected.train.targets)
    assert torch.equal(found.train.inputs, expected.train.inputs)


def test_columns_are_chosen_by_name(kaggle):
    rewrite(
        kaggle,
        lambda text: "label,id\n" + "".join(f"{b},{a}\n" for a, b in (one.split(",") for one in text.split()[1:])),
    )
    assert torch.equal(read(kaggle, id_column="id", label_column="label").train.targets[:3], torch.tensor([1, 1, 0]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text + "13,frog\n", r"line 14 names 13, and .*train has no such picture .*data.missing=skip"),
        (lambda text: text.replace("7,frog\n", ""), r"7.png: .*labels.csv has no line for it"),
        (lambda text: text + "7,cat\n", "line 14 names 7, as line 8 does"),
        (lambda text: text + "7.png,frog\n", "line 14 names 7.png again"),
        (lambda text: text.replace("7,frog", "7,"), "line 8 has no class"),
        (lambda text: text.replace("7,frog", "7"), "line 8 has no class"),
        (lambda text: text.replace("7,frog", ",frog"), "line 8 has no name of a picture"),
        (lambda text: text.replace(",", ";"), "two or more with commas between"),
        (lambda text: text.replace("cat", "frog"), "needs two classes or more, found 1"),
        (lambda text: "id,label\n", "has no lines beside"),
        (lambda text: "", "needs a line of column names"),
    ],
)
def test_what_does_not_belong_together_is_one_line(kaggle, change, told):
    rewrite(kaggle, change)
    with pytest.raises(UserError, match=told) as caught:
        read(kaggle)
    assert "\n" not in str(caught.value)


def test_lines_without_a_picture_are_skipped_on_demand(kaggle):
    rewrite(kaggle, lambda text: text + "13,frog\n14,dog\n")
    data = read(kaggle, missing="skip")
    assert len(data.train) == 12 and data.spec.classes == ("cat", "frog")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"labels": "nothing.csv"}, "data.labels=nothing.csv: no such file"),
        ({"path": "nothing"}, "data.path=nothing: no such"),
        ({"label_column": "lable"}, "data.label_column=lable: .* did you mean label"),
        ({"image_size": None}, "data.image_size=null"),
        ({"label_column": "id"}, "id cannot be both names and classes; set data.id_column and data.label_column"),
    ],
)
def test_missing_files_and_columns_are_named(kaggle, options, told):
    with pytest.raises(UserError, match=told):
        read(kaggle, **options)


def test_one_name_means_one_picture(kaggle):
    shutil.copy(kaggle / "train" / "1.png", kaggle / "train" / "1.bmp")
    with pytest.raises(UserError, match=r"1.png: there is 1.bmp as well"):
        read(kaggle)


def test_a_test_part_is_held_out_by_the_seed(kaggle):
    one, same, other = (read(kaggle, test=0.25, seed=seed) for seed in (0, 0, 1))
    assert torch.bincount(one.test.targets).tolist() == [1, 2] and len(one.train) == 9
    assert torch.equal(one.test.inputs, same.test.inputs) and not torch.equal(one.test.inputs, other.test.inputs)


SHORT = ("model=softmax", "trainer.steps=30", "trainer.epochs=null", "optimizer.lr=0.1", "data.validation=0")


@pytest.fixture
def ask(kaggle, tmp_path, monkeypatch, capsys):
    """Trains on the table and answers: (inputs…) → exit code, lines of the file, what was printed."""
    monkeypatch.chdir(tmp_path)

    def ask(*inputs, endings=False):
        if endings:
            rewrite(kaggle, lambda text: text.replace(",frog", ".png,frog").replace(",cat", ".png,cat"))
        data = ("data=labelled_files", f"data.root={kaggle}", "data.path=train", "data.labels=labels.csv")
        folder = run(tmp_path, *data, "data.image_size=8", "data.test=0", *SHORT).record.folder
        capsys.readouterr()
        code = command(["predict", str(folder), *inputs, "--out", "submission.csv"])
        lines = (tmp_path / "submission.csv").read_text().splitlines() if code == 0 else []
        return code, lines, "".join(capsys.readouterr())

    return ask


TRUE = ["cat" if number % 3 == 0 else "frog" for number in range(1, 13)]


@pytest.mark.parametrize("endings", [False, True])
def test_answers_are_a_table_of_the_form_of_the_labels(kaggle, ask, endings):
    rewrite(kaggle, lambda text: text.replace("id,label", "Number,Animal"))
    code, lines, _ = ask("train", endings=endings)
    names = [f"{number}.png" if endings else str(number) for number in range(1, 13)]
    assert code == 0 and lines == ["Number,Animal", *map(",".join, zip(names, TRUE, strict=True))]


def test_files_are_answered_in_their_order_and_a_name_means_one_picture(kaggle, ask):
    (kaggle / "more").mkdir()
    shutil.copy(kaggle / "train" / "3.png", kaggle / "more" / "20.png")
    assert ask("more/20.png", "train/10.png", "train/2.png")[1] == ["id,label", "20,cat", "10,frog", "2,frog"]
    (kaggle / "submission.csv").unlink()
    shutil.copy(kaggle / "train" / "3.png", kaggle / "more")
    code, _, said = ask("more", "train")
    assert code == 2 and "train/3.png: would be id 3, as more/3.png is" in said
    assert not (kaggle / "submission.csv").exists()
