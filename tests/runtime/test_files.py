import json
import math

import pytest

from dl_runner.errors import UserError
from dl_runner.runtime.files import atomic_path, read_json, remove_temporary, to_json, write_atomic


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
