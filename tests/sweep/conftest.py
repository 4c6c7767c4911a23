import pytest
from helpers import move_to
from moody import MOODY, folders, sweep


@pytest.fixture
def a_folder_with_a_moody_model(tmp_path, monkeypatch):
    move_to(tmp_path, monkeypatch, "moody", MOODY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run folders of the widths 4, 5 and 6, from a sweep that nothing stopped."""
    with pytest.MonkeyPatch.context() as patch:
        move_to(tmp_path_factory.mktemp("whole"), patch, "moody", MOODY)
        assert sweep("model.width=4,5,6") == 0
        return [folder.absolute() for folder in folders()]
