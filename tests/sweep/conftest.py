from pathlib import Path

import pytest
from moody import MOODY, folders, sweep


def go_to(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    patch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    Path("moody_model.py").write_text(MOODY)
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/moody.yaml").write_text("name: moody\nwidth: 8\n")


@pytest.fixture
def a_folder_with_a_moody_model(tmp_path, monkeypatch):
    go_to(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run folders of the widths 4, 5 and 6, from a sweep that nothing stopped."""
    with pytest.MonkeyPatch.context() as patch:
        go_to(tmp_path_factory.mktemp("whole"), patch)
        assert sweep("model.width=4,5,6") == 0
        return [folder.absolute() for folder in folders()]
