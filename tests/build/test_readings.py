"""Weights and teachers whose inputs were made in another way are refused, though every shape fits."""

import json

import pytest
from helpers import run
from tables import write_houses

from dl_runner.build.readings import difference, scale_difference
from dl_runner.cli.app import run as command
from dl_runner.errors import UserError

SHORT = ("trainer.steps=3", "trainer.epochs=null", "data.batch_size=32", "model=softmax")


def logged(record):
    return " ".join((record.folder / "log.txt").read_text().split())


def test_a_teacher_of_tables_needs_the_means_of_its_student(tmp_path):
    teacher = run(tmp_path / "t", *SHORT, "data=wine").record.folder
    taught = (*SHORT, "data=wine", "task=distillation", f"task.teacher={teacher}")
    with pytest.raises(
        UserError, match=f"^task.teacher={teacher}: its inputs are made otherwise .*column alcohol has mean"
    ):
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
    second = run(tmp_path / "2", *options, f"data.root={tmp_path / 'b'}", f"pretrained.from={first}").record
    assert "numbers are standardized otherwise: column MSSubClass has mean" in logged(second)
    with pytest.raises(UserError, match=r"column LotArea is read as log\(1 \+ x\) here alone"):
        run(tmp_path / "4", *options, f"data.root={tmp_path / 'a'}", f"pretrained.from={first}", "data.log=[LotArea]")
    with pytest.raises(UserError, match=f"^pretrained.from={first}: .*Neighborhood: OldTown: a category there alone"):
        run(tmp_path / "3", *options, f"data.root={tmp_path / 'c'}", f"pretrained.from={first}")


NUMBER = {"name": "area", "fill": 1.0, "mean": 1.0, "std": 2.0, "log": False}
TOWN = {"name": "town", "levels": ["Ulm", "Bonn"]}
TABLE = {"numbers": [NUMBER, NUMBER | {"name": "rooms"}], "categories": [TOWN], "indicators": ["area"]}
WORDS = {"tokenizer": {"name": "words", "settings": {}, "tokens": ["a", "b"]}}


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        (TABLE, {"numbers": TABLE["numbers"][:1]}, "column rooms: a number there alone"),
        (TABLE, {"numbers": TABLE["numbers"][::-1]}, "the order differs: column area there where column rooms is here"),
        (TABLE, {"numbers": [NUMBER | {"log": True}, TABLE["numbers"][1]]}, "column area is read as log(1 + x) here"),
        (TABLE, {"numbers": []}, "columns area, rooms: a number there alone"),
        (TABLE, {"categories": []}, "column town: a category there alone"),
        (TABLE, {"categories": [TOWN | {"levels": ["Ulm", None]}]}, "column town: Bonn: a category there alone"),
        (TABLE, {"categories": [TOWN | {"levels": ["Ulm", "Bonn", None]}]}, "a missing value: a category here alone"),
        (TABLE, {"categories": [TOWN | {"levels": ["Bonn", "Ulm"]}]}, "town: the order differs: Ulm there where Bonn"),
        (TABLE, {"indicators": []}, "column area: marked where missing there alone"),
        (
            WORDS,
            {"tokenizer": WORDS["tokenizer"] | {"tokens": ["a", "c", "b"]}},
            "token 1 of 2 there is 'b', of 3 here",
        ),
        (WORDS, {"tokenizer": WORDS["tokenizer"] | {"name": "chars"}}, "the tokenizer: words there and chars here"),
    ],
)
def test_what_an_input_means_is_compared_kind_by_kind(there, here, told):
    assert difference(there, there) == ""
    assert told in difference(there, there | here)


def test_scales_are_no_other_meaning():
    other = TABLE | {"numbers": [NUMBER | {"mean": 3.0}, NUMBER | {"name": "rooms", "std": 1.0}]}
    assert not difference(TABLE, other) and not scale_difference(TABLE, TABLE)
    assert scale_difference(TABLE, other) == (
        "column area has mean 1, std 2, missing 1 there and mean 3, std 2, missing 1 here (1 other columns differ too)"
    )


def test_a_teacher_without_its_fitted_state_is_refused(tmp_path):
    teacher = run(tmp_path / "t", *SHORT, "data=wine").record.folder
    (teacher / "fitted.json").unlink()
    with pytest.raises(UserError, match=r"has lost its fitted\.json"):
        run(tmp_path / "s", *SHORT, "data=wine", "task=distillation", f"task.teacher={teacher}")


def test_a_teacher_of_other_columns_is_refused_by_their_names(tmp_path):
    teacher = run(tmp_path / "t", *SHORT, "data=iris").record.folder
    with pytest.raises(UserError, match=f"^task.teacher={teacher}: .*columns .*: a number there alone") as caught:
        run(tmp_path / "s", *SHORT, "data=wine", "task=distillation", f"task.teacher={teacher}")
    assert "image_size" not in str(caught.value)


def test_weights_in_a_run_are_compared_by_its_fitted_state_too(tmp_path):
    first = run(tmp_path / "1", *SHORT, "data=wine").record.folder
    source = first / "checkpoints" / "best.safetensors"
    again = run(tmp_path / "2", *SHORT, "data=wine", "seed=1", f"pretrained.from={source}").record
    assert "standardized otherwise" in logged(again)
    alone = tmp_path / "w.safetensors"
    alone.write_bytes(source.read_bytes())
    third = run(tmp_path / "3", *SHORT, "data=wine", f"pretrained.from={alone}").record
    assert "nothing says how their inputs were made" in logged(third)
