"""Where configs are looked for."""

from pathlib import Path

import pytest

from dl_runner.config.compose import compose
from dl_runner.config.describe import describe
from dl_runner.config.search_path import checked_folders, checked_name, choices, command_line, searched, searching
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError

ODD = [
    "a,b",
    "a b",
    "[a]",
    "{a}",
    "(a)",
    "a'b",
    'a"b',
    "a=b",
    "ü",
    "日本",
    "$HOME",
    "${x}",
    "a:b",
    "a#b",
    "a\\b",
    "%s",
    "~",
]


def write(folder: Path, place: str, text: str) -> Path:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_text(text)
    return folder


@pytest.mark.parametrize("name", ODD)
def test_a_folder_may_have_any_name(name, tmp_path, monkeypatch):
    write(tmp_path / name / "conf", "optimizer/mine.yaml", "name: sgd\nlr: 0.0777\n")
    monkeypatch.chdir(tmp_path / name)
    for given in ("conf", Path("conf").absolute()):
        folders = checked_folders([given])
        assert to_plain(compose(["optimizer=mine"], folders))["optimizer"]["lr"] == 0.0777
    assert to_plain(compose(["hydra.searchpath=[conf]", "optimizer=mine"]))["optimizer"]["lr"] == 0.0777


def test_of_several_folders_the_first_one_counts(tmp_path):
    first = write(tmp_path / "first", "optimizer/mine.yaml", "# The first.\nname: sgd\nlr: 0.01\n")
    second = write(tmp_path / "second", "optimizer/mine.yaml", "# The second.\nname: sgd\nlr: 0.02\n")
    write(second, "optimizer/other.yaml", "name: sgd\nlr: 0.03\n")
    rates = {
        name: to_plain(compose([f"optimizer={name}"], folders))["optimizer"]["lr"]
        for name, folders in {"mine": [first, second], "other": [first, second]}.items()
    }
    assert rates == {"mine": 0.01, "other": 0.03}
    assert to_plain(compose(["optimizer=mine", f"hydra.searchpath=[{second}]"], [first]))["optimizer"]["lr"] == 0.01
    assert to_plain(compose(["optimizer=mine"], [second, first]))["optimizer"]["lr"] == 0.02
    names = choices("optimizer", [first, second])
    assert names.count("mine") == 1 and names == sorted(names) and {"adam", "other"} < set(names)
    assert describe("optimizer", "mine", [first, second]) == "The first."
    assert describe("optimizer", "mine", [second, first]) == "The second."


def test_a_description_is_that_of_the_file_that_counts(tmp_path):
    folder = write(tmp_path, "optimizer/sgd.yaml", "# Mine.\nname: sgd\nlr: 0.01\n")
    assert describe("optimizer", "sgd", [folder]) == "Mine."
    assert describe("optimizer", "sgd") not in ("", "Mine.")
    write(tmp_path, "optimizer/broken.yaml", "")
    (tmp_path / "optimizer" / "broken.yaml").write_bytes(b"\xff")
    assert "not UTF-8" in describe("optimizer", "broken", [folder])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "--config-dir nowhere: no such folder"),
        ("", "--config-dir '': no such folder"),
        ("file.txt", "--config-dir file.txt: is no folder"),
        ("run", "--config-dir run: is a run folder, no folder of choices; go on with it by: dlrun resume run"),
        ("outputs", "--config-dir outputs: holds no choices"),
        ("pkg://no.such.package", "--config-dir pkg://no.such.package: no such package"),
        ("pkg://..", "--config-dir pkg://..: no such package"),
    ],
)
def test_a_folder_that_is_none_is_refused(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file.txt").touch()
    write(Path("run"), "run.json", "{}")
    Path("outputs/digits").mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        checked_folders([given])
    assert str(caught.value).startswith(message)


def test_a_folder_is_absolute_and_named_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()
    assert checked_folders(["conf", tmp_path / "conf", f"file://{tmp_path}/conf"]) == (tmp_path / "conf",)
    (package,) = checked_folders(["pkg://hydra.conf"])
    assert (package / "hydra" / "env").is_dir()


def test_a_command_to_paste_names_the_folders(tmp_path):
    assert command_line(["model=a b"]) == "dlrun 'model=a b'"
    with searching([tmp_path / "a b"]):
        assert searched() == (tmp_path / "a b",)
        assert command_line(["x=1"]) == f"dlrun --config-dir '{tmp_path}/a b' x=1"
    assert searched() == ()


def test_a_config_as_a_whole_is_one_of_those_that_there_are(tmp_path):
    write(tmp_path, "mine.yaml", "seed: 3\n")
    assert checked_name("mine.yaml", [tmp_path]) == "mine"
    assert checked_name("config", []) == "config"
    with pytest.raises(UserError, match=r"--config-name mne: no such file in .*did you mean mine"):
        checked_name("mne", [tmp_path])
