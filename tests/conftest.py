"""Fixtures of all tests: float64, and the real Fashion-MNIST and texts where they are."""

import os
from pathlib import Path

import pytest
from helpers import double as in_double

ROOT = Path(__file__).parents[1]
TEXTS = (
    *("time_machine/timemachine.txt", "tiny_shakespeare/input.txt", "ptb/ptb.zip"),
    *("fra_eng/fra-eng.zip", "multi30k/train.de.gz"),
)


def _fashion_mnist_root() -> Path | None:
    for root in (os.environ.get("DLRUN_DATA_DIR"), ROOT.parent / "shared" / "data"):
        if root and (Path(root) / "FashionMNIST" / "raw" / "train-images-idx3-ubyte").is_file():
            return Path(root).resolve()
    return None


def pytest_collection_modifyitems(items):
    """Marks: see pyproject.toml."""
    all_faults = os.environ.get("DLRUN_FAULTS") == "all"
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "faults"):
            item.add_marker("faults")
        if item.get_closest_marker("thorough") and not all_faults:
            item.add_marker(pytest.mark.skip(reason="make faults"))


@pytest.fixture(scope="session", autouse=True)
def configuration_folder(tmp_path_factory):
    """Which modules a user has named before is of no concern to the tests, nor theirs to the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        yield


@pytest.fixture(scope="session")
def real_root() -> Path:
    """The folder that holds the official Fashion-MNIST files."""
    root = _fashion_mnist_root()
    if root is None:
        pytest.skip("the official Fashion-MNIST files are neither in DLRUN_DATA_DIR nor in ../shared/data")
    return root


@pytest.fixture(scope="session")
def text_root() -> Path:
    """The folder that holds the official files of the texts."""
    for root in (os.environ.get("DLRUN_DATA_DIR"), ROOT.parent / "shared" / "data"):
        if root and all((Path(root) / file).is_file() for file in TEXTS):
            return Path(root)
    pytest.skip("the official texts are neither in DLRUN_DATA_DIR nor in ../shared/data")


@pytest.fixture
def double():
    """What the test trains is float64: see `helpers.double`."""
    with in_double():
        yield
