"""Users without a home, or with one that cannot be used."""

import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from dl_runner.config.paths import default_root
from dl_runner.runtime import home as module
from dl_runner.runtime.home import ensure_home, home


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files are; the variables are those of before after the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    return tmp_path


@pytest.fixture
def nobody(temporary, monkeypatch):
    """Neither HOME nor an entry in the list of users."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    return temporary


def test_a_home_that_is_there_or_can_be_made_is_used(temporary, monkeypatch):
    for folder in (temporary, temporary / "new" / "user"):
        monkeypatch.setenv("HOME", str(folder))
        ensure_home()
        assert home() == folder == Path(os.environ["HOME"]) and "MPLCONFIGDIR" not in os.environ


@pytest.mark.parametrize("name", [None, ""])
def test_a_user_without_a_home_gets_a_private_folder_that_stays_the_same(nobody, monkeypatch, name):
    if name is not None:
        monkeypatch.setenv("HOME", name)
    ensure_home()
    folder = Path(os.environ["HOME"])
    assert folder.parent == nobody and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert home() == folder == Path.home() and default_root() == folder / ".cache" / "dl_runner"
    ensure_home()
    assert Path(os.environ["HOME"]) == folder


@pytest.mark.parametrize("name", ["/nowhere/user", "/"])
def test_a_home_that_is_none_and_cannot_be_made_counts_as_none(temporary, monkeypatch, name):
    monkeypatch.setenv("HOME", name)
    monkeypatch.setattr(module, "_writable", lambda folder: folder.is_relative_to(temporary))
    ensure_home()
    assert Path(os.environ["HOME"]).parent == temporary


def test_a_home_that_can_only_be_read_stays_the_home(temporary, monkeypatch):
    monkeypatch.setattr(module, "_writable", lambda folder: False)
    (temporary / "home").mkdir()
    monkeypatch.setenv("HOME", str(temporary / "home"))
    ensure_home()
    assert home() == temporary / "home" == Path(os.environ["HOME"])
    assert Path(os.environ["MPLCONFIGDIR"]).is_relative_to(temporary)


@pytest.mark.parametrize("trap", ["link", "others"])
def test_a_folder_that_somebody_else_could_have_made_is_not_taken(nobody, trap):
    expected = nobody / f"dl_runner-{os.getuid()}"
    if trap == "link":
        (nobody / "elsewhere").mkdir()
        expected.symlink_to(nobody / "elsewhere")
    else:
        expected.mkdir()
        expected.chmod(0o777)
    ensure_home()
    assert Path(os.environ["HOME"]) != expected and Path(os.environ["HOME"]).parent == nobody
