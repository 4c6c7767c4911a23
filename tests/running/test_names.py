"""Files, classes and folders whose names are no UTF-8, from the first step to the comparison."""

import ast
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dl_runner.cli.app import run
from dl_runner.runtime.files import utf8_path

CLASSES = {b"caf\xe9": r"caf\xe9", "図".encode(): "図", b"\xff\xfe": r"\xff\xfe"}
OPTIONS = ("data.image_size=8", "model=softmax", "trainer.epochs=1", "device=cpu", "device.threads=1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    for label, name in enumerate(CLASSES):
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/pets\xe9/" + name))
        folder.mkdir(parents=True)
        for number in range(6):
            pixels = np.full((8, 8, 3), 60 * label + number, np.uint8)
            Image.fromarray(pixels).save(folder / os.fsdecode(b"p\xe9%d.png" % number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_that_are_no_utf_8_are_names_like_others(here, capsys):
    names = [os.fsdecode(b"data.path=pets\xe9"), os.fsdecode(b"outputs=out\xe9")]
    assert run(["data=image_folder", *names, *OPTIONS]) == 0
    (folder,) = Path(os.fsdecode(b"out\xe9")).glob("image_folder/softmax/*")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "completed" and sorted(record["data"]["targets"]["names"]) == sorted(CLASSES.values())
    with utf8_path(folder) as name:
        assert EventAccumulator(str(name)).Reload().Tags()["scalars"]
    (folder / "run.json").write_text(
        json.dumps({**record, "status": "interrupted", "checksums": None}), encoding="utf-8"
    )
    assert run(["resume", str(folder)]) == 0
    picture = next(Path(os.fsdecode(b"pets\xe9")).glob("*/*.png"))
    capsys.readouterr()
    for line in (["evaluate", str(folder)], ["predict", str(folder), str(picture)], ["compare", str(folder)]):
        assert run(line) == 0
    told = capsys.readouterr()
    assert "test/accuracy" in told.out and r"caf\xe9" in told.out and "warning" not in told.err + told.out


def test_names_that_are_not_ascii_need_no_quotes(here, capsys):
    (here / "写真 a").mkdir()
    for name in CLASSES:
        Path(os.fsdecode(os.fsencode(here) + b"/pets\xe9/" + name)).rename(here / "写真 a" / CLASSES[name].strip("\\"))
    assert run(["data=image_folder", "data.path=写真 a", "outputs=出力", *OPTIONS, "tracker.tensorboard=false"]) == 0
    assert list(Path("出力").glob("image_folder/softmax/*"))


def test_every_text_file_is_opened_as_utf_8():
    """The default is the encoding of the place, which is ASCII under LC_ALL=C."""
    package, found = Path(__file__).parents[2] / "dl_runner", []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                named = {keyword.arg for keyword in node.keywords}
                if node.func.attr in ("read_text", "write_text") and "encoding" not in named:
                    found.append(f"{path.name}:{node.lineno}")
    assert not found
