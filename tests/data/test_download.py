"""Downloads: checked, atomic, mirrors in turn, nothing left behind."""

import hashlib
import os
import urllib.request
from contextlib import nullcontext

import pytest

from dl_runner.config.paths import default_root
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import staged
from dl_runner.errors import UserError
from dl_runner.runtime.progress import showing

CONTENT = os.urandom(700_000)
DIGEST = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    """A mirror, served through a file: address."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "data.gz").write_bytes(CONTENT)
    return folder.as_uri() + "/"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "cache" / "dl_runner"


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_under_its_name_after_a_dead_mirror(server, root):
    dead = server.replace("server", "gone")
    obtain([Remote("data.gz", DIGEST, (dead, server))], root / "set" / "raw", root, download=True)
    assert (root / "set" / "raw" / "data.gz").read_bytes() == CONTENT
    assert names(root / "set" / "raw") == ["data.gz"]


@pytest.mark.parametrize("good", [True, False])
def test_a_digest_of_forty_digits_is_a_sha1(good, server, root):
    digest = hashlib.sha1(CONTENT).hexdigest() if good else "0" * 40
    with nullcontext() if good else pytest.raises(UserError, match=rf"damaged data\.gz \(sha1 \w+, expected {digest}"):
        obtain([Remote("data.gz", digest, (server,))], root, root, download=True)
    assert (root / "data.gz").exists() == good


def test_a_damaged_download_leaves_nothing_and_says_so(server, root):
    with pytest.raises(UserError, match=r"sent a damaged data\.gz .*put data\.gz into .*DLRUN_DATA_DIR") as raised:
        obtain([Remote("data.gz", "0" * 32, (server,))], root / "set", root, download=True)
    assert "\n" not in str(raised.value)
    assert not root.parent.exists()


def test_no_network_is_one_line_that_names_what_is_still_missing(server, root):
    files = [Remote("data.gz", DIGEST, (server,)), Remote("other.gz", DIGEST, ("http://127.0.0.1:9/",))]
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:9: .*; put other\.gz into {root}/set;") as raised:
        obtain(files, root / "set", root, download=True)
    assert "\n" not in str(raised.value)
    assert names(root / "set") == ["data.gz"]


def test_an_interrupted_download_leaves_nothing(server, root, monkeypatch):
    open_url = urllib.request.urlopen

    class Interrupted:
        def __init__(self, *arguments, **options):
            self.response = open_url(*arguments, **options)
            self.headers = self.response.headers
            self.chunks = iter([self.response.read(300_000)])

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.response.close()

        close = __exit__

        def read(self, size):
            for chunk in self.chunks:
                return chunk
            assert list(root.rglob(".data*")), "the interruption must hit a half-written file"
            raise KeyboardInterrupt

    monkeypatch.setattr(urllib.request, "urlopen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        obtain([Remote("data.gz", DIGEST, (server,))], root / "set", root, download=True)
    assert not root.parent.exists()


@pytest.mark.parametrize("mode", ["rich", "plain", "none"])
def test_a_terminal_sees_a_bar_and_a_log_lines_at_once(mode, server, root, monkeypatch, capsys):
    monkeypatch.delenv("DLRUN_CONSOLE", raising=False)
    with showing(mode):
        obtain([Remote("data.gz", DIGEST, (server,))], root / "set", root, download=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("━" in shown.err) == (mode == "rich")
    lines = [line.partition(" in ")[0] for line in shown.err.splitlines()]
    if mode == "plain":
        assert lines == ["downloading data.gz: 0.0 of 0.7 MB", "downloading data.gz: 0.7 of 0.7 MB"]
    assert mode != "none" or not lines


def test_what_cannot_be_written_is_one_line(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    root = tmp_path / "file" / "root"
    with pytest.raises(UserError, match=r"put data\.gz into") as raised:
        obtain([Remote("data.gz", DIGEST, (server,))], root, root, download=True)
    assert "\n" not in str(raised.value)


def test_a_failed_write_keeps_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(RuntimeError), staged(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and names(tmp_path) == ["file"]
    with staged(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new" and names(tmp_path) == ["file"]


def test_the_default_root_is_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "dl_runner"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_root() == tmp_path / "home" / ".cache" / "dl_runner"
    assert not (tmp_path / "home").exists()
