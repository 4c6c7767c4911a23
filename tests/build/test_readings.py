"""Weights and teachers whose inputs were made in another way are refused, though every shape fits."""

import json

import pytest
from helpers import run
from tables import write_houses

from dl_runner.cli.app import run as command
from dl_runner.errors import UserError

SHORT = ("trainer.steps=3", "trainer.epochs=null", "data.batch_size=32", "model=softmax")


def test_a_teacher_of_tables_needs_the_means_of_its_student(tmp_path):
    teacher = run(tmp_path / "t", *SHORT, "data=wine").record.folder
    taught = (*SHORT, "data=wine", "task=distillation", f"task.teacher={teacher}")
    with pytest.raises(UserError, match=f"^task.teacher={teacher}: its inputs were made with other words, means"):
        run(tmp_path / "other", *taught, "seed=1")
    student = run(tmp_path / "same", *taught).record.folder
    (tmp_path / "rows.csv").write_text(
        ",".join(one["name"] for one in json.loads((student / "fitted.json").read_text())["numbers"])
        + "\n"
        + ",".join(["1.5"] * 13)
        + "\n"
    )
    out = tmp_path / "answers.csv"
    assert command(["predict", str(student), str(tmp_path / "rows.csv"), "--out", str(out)]) == 0
    assert out.read_text().count("\n") == 2


def test_weights_of_other_categories_are_refused_and_of_other_means_are_not(tmp_path):
    write_houses(tmp_path / "a" / "house_prices" / "train.csv", 40)
    write_houses(tmp_path / "b" / "house_prices" / "train.csv", 40, seed=1)
    text = (tmp_path / "a" / "house_prices" / "train.csv").read_text()
    (tmp_path / "c" / "house_prices").mkdir(parents=True)
    (tmp_path / "c" / "house_prices" / "train.csv").write_text(text.replace("OldTown", "Somerst"))
    options = ("data=house_prices", "model=linear", "data.validation=0", *SHORT[:3])
    first = run(tmp_path / "1", *options, f"data.root={tmp_path / 'a'}").record.folder
    run(tmp_path / "2", *options, f"data.root={tmp_path / 'b'}", f"pretrained.from={first}")
    with pytest.raises(UserError, match=f"^pretrained.from={first}: was trained with other columns or categories"):
        run(tmp_path / "3", *options, f"data.root={tmp_path / 'c'}", f"pretrained.from={first}")
