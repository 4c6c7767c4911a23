"""The real texts where they are."""

import os
from pathlib import Path

import pytest

FILES = ("time_machine/timemachine.txt", "tiny_shakespeare/input.txt")


@pytest.fixture(scope="session")
def text_root() -> Path:
    """The folder that holds the official files of the texts."""
    for root in (os.environ.get("DLRUN_DATA_DIR"), Path(__file__).parents[3] / "shared" / "data"):
        if root and all((Path(root) / file).is_file() for file in FILES):
            return Path(root)
    pytest.skip("the official texts are neither in DLRUN_DATA_DIR nor in ../shared/data")
