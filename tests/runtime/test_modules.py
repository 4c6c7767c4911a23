import sys
from pathlib import Path

import pytest

from dl_runner.runtime.modules import find_module, source_files


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "one.py": "import two, torch\nfrom package.part import x\nraise SystemExit",
        "two.py": "import three",
        "three.py": "import one",
        "four.py": "",
        "package/__init__.py": "",
        "package/part.py": "x = 1",
        "broken.py": "def",
        "five.py": "import spread.inner",
        "spread/inner.py": "",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)


def names(module: str) -> list[str]:
    return [str(path.relative_to(Path.cwd())) for path in source_files(module)]


def test_a_modules_files_are_its_own_and_those_beside_it_that_it_imports():
    assert names("one") == ["one.py", "package/__init__.py", "package/part.py", "three.py", "two.py"]
    assert names("four") == ["four.py"]
    assert names("five") == ["five.py", "spread/inner.py"]
    assert names("broken") == ["broken.py"]


def test_a_package_is_whole():
    assert names("package.part") == ["package/part.py", "package/__init__.py"]
    assert names("package") == ["package/__init__.py", "package/part.py"]


def test_nothing_is_imported():
    assert find_module("package.part") is not None
    assert "package" not in sys.modules and "one" not in sys.modules


@pytest.mark.parametrize("name", ["nothing", "one.nothing", "package.nothing", "", ".", "sys"])
def test_what_is_no_python_file_has_none(name):
    assert source_files(name) == ()


def test_an_installed_package_brings_no_neighbours():
    files = source_files("omegaconf")
    assert files[0].name == "__init__.py" and {path.relative_to(files[0].parents[1]).parts[0] for path in files} == {
        "omegaconf"
    }
