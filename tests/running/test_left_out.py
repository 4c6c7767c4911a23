"""A run that left damaged pictures out is evaluated and resumed on the same ones, or not at all."""

import json

import pytest
from helpers import run
from pictures import class_folders

from dl_runner.errors import UserError
from dl_runner.running.inference import evaluate_run
from dl_runner.running.launch import resume

BROKEN = "cat/broken.png"
SMALL = ("data.image_size=8", "data.batch_size=4", "model=softmax", "trainer.epochs=1")


@pytest.fixture
def pets(tmp_path):
    class_folders(tmp_path / "pets", 6)
    (tmp_path / "pets" / BROKEN).write_text("no picture")
    return tmp_path / "pets"


def train(tmp_path, pets, *overrides):
    return run(tmp_path, "data=image_folder", f"data.path={pets}", "data.skip_damaged=true", *SMALL, *overrides)


def test_they_are_on_record_in_the_header_and_the_same_ever_after(tmp_path, pets, capsys):
    folder = train(tmp_path, pets, "tracker.console=plain").record.folder
    shown = capsys.readouterr().out
    assert "1 file left out, damaged: cat/broken.png" in shown and "cat 4+1+1, dog 4+1+1" in shown
    record = json.loads((folder / "run.json").read_text())
    assert list(record["left_out"]) == [BROKEN]
    evaluate_run(folder, "test", None)
    (pets / BROKEN).unlink()
    with pytest.raises(UserError, match=r"damaged and left out then, and not now: cat/broken\.png"):
        evaluate_run(folder, "test", None)
    (pets / BROKEN).write_text("no picture")
    (pets / "dog" / "00.png").write_text("no picture")
    with pytest.raises(UserError, match=r"damaged since: dog/00\.png"):
        evaluate_run(folder, "test", None)
    (folder / "run.json").write_text(json.dumps(record | {"status": "interrupted", "checksums": None}))
    with pytest.raises(UserError, match=r"damaged since: dog/00\.png"):
        resume(folder)


def test_without_skip_damaged_the_remedy_is_named(tmp_path, pets):
    with pytest.raises(UserError, match=r"broken\.png: not a readable image .*data\.skip_damaged=true"):
        train(tmp_path, pets, "data.skip_damaged=false")
