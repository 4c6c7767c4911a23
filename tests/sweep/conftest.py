from pathlib import Path

import pytest
from moody import MOODY


@pytest.fixture
def a_folder_with_a_moody_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    Path("moody_model.py").write_text(MOODY)
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/moody.yaml").write_text("name: moody\nwidth: 8\n")
