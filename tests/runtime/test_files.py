import json
import math
import os

import pytest

from dl_runner.errors import UserError
from dl_runner.runtime.files import (
    LONGEST_NAME,
    atomic_path,
    file_name,
    fitting,
    read_json,
    readable,
    remove_temporary,
    to_json,
    utf8_path,
    write_atomic,
)


@pytest.mark.parametrize("data", [b"\x00\xff", "naïve\n"])
def test_write_atomic_replaces_the_file_and_leaves_nothing_else(tmp_path, data):
    path = tmp_path / "run.json"
    path.write_text("old")
    write_atomic(path, data)
    assert path.read_bytes() == (data if isinstance(data, bytes) else data.encode())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, error):
    path = tmp_path / "best.safetensors"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == path.suffix and path.read_text() == "old"
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_kill_has_left_is_removed_and_nothing_else(tmp_path):
    left = [".best.0123abcd.safetensors", ".run.deadbeef.json", ".LOCK.00000000"]
    others = [".locks", ".best.safetensors", "run.json", ".notes.2024.txt", ".x.0123ABCD.json"]
    for name in (*left, *others):
        (tmp_path / name).write_text("")
    remove_temporary(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_the_new_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "plain").write_text("")
    write_atomic(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_json_stays_strict_with_numbers_that_json_lacks():
    text = to_json({"a": [math.nan, (math.inf, -math.inf)], "b": 1.5, "c": None})

    def refuse(constant):
        raise AssertionError(constant)

    plain = json.loads(text, parse_constant=refuse)
    assert plain == {"a": ["nan", ["inf", "-inf"]], "b": 1.5, "c": None}
    assert float(plain["a"][1][1]) == -math.inf


@pytest.mark.parametrize("content", [None, b"{", b"\xff\xfe"])
def test_read_json_names_a_missing_or_damaged_file(tmp_path, content):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json"):
        read_json(path)


NAMES = {
    "short": "0_model=mlp,optimizer.lr=0.1",
    "spaces": "0_data.path=/my pictures/(old)",
    "ascii": "0_" + 300 * "x",
    "chinese": "0_data.path=/" + "/".join(40 * ["图片文件夹"]),
    "emoji": "0_" + 100 * "🐈x",
    "not UTF-8": "0_a\udcffb" + 300 * "é",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_any_text_becomes_the_name_of_a_folder_with_room_for_a_suffix(tmp_path, text):
    name = file_name(text)
    (tmp_path / f"{name}_999.tmp").mkdir()
    assert name.startswith("0_") and "\ufffd" not in name and not set(name) & set("/ ()\udcff")
    with atomic_path(tmp_path / f"{name}.json") as temporary:
        temporary.write_text("{}")


def test_a_name_is_cut_only_where_it_is_too_long_and_then_between_characters():
    assert file_name(NAMES["short"]) == NAMES["short"]
    assert file_name(LONGEST_NAME * "x") == LONGEST_NAME * "x"
    for kept in range(8):  # the cut falls on every byte of a character of four bytes
        name = fitting(kept * "x" + 100 * "図", "_mask.png")
        assert name.endswith("_mask.png") and LONGEST_NAME - 3 < len(name.encode()) <= LONGEST_NAME
        assert set(name.removesuffix("_mask.png").rpartition("_")[0]) <= {"x", "図"}


@pytest.mark.parametrize("one", [300 * "x", 200 * "文"])
def test_names_that_are_alike_where_they_are_cut_stay_two(one):
    assert len({file_name(one + end) for end in ("a", "b", "/c", "?c", "")}) == 5


@pytest.mark.parametrize(("content", "text"), [(b"plain", "plain"), ("図é".encode(), "図é"), (b"caf\xe9", r"caf\xe9")])
def test_a_name_is_read_as_its_bytes_say(content, text):
    assert readable(os.fsdecode(content)) == text


def test_a_name_that_is_no_utf_8_survives_json_and_a_text_file(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    write_atomic(tmp_path / "a.json", to_json({"path": [name, "図"]}))
    assert read_json(tmp_path / "a.json") == {"path": [name, "図"]}
    assert "図" in (tmp_path / "a.json").read_text(encoding="utf-8")
    write_atomic(tmp_path / "a.txt", name)
    assert (tmp_path / "a.txt").read_bytes() == b"caf\xe9"


def test_a_folder_is_reached_by_a_name_that_is_utf_8(tmp_path):
    odd = tmp_path / os.fsdecode(b"out\xe9")
    odd.mkdir()
    with utf8_path(odd) as name:
        str(name).encode()
        (name / "file").touch()
    assert (odd / "file").exists() and not name.exists()
    with utf8_path(tmp_path) as name:
        assert name == tmp_path
