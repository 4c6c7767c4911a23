"""The notebook of the documents runs, and leaves its process as it was."""

import json
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import dl_runner

NOTEBOOK = Path(__file__).parents[2] / "docs" / "python.ipynb"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Its variables after all cells, and what the process was like before and after them."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    variables, said = {"print": lambda text: said.append(text)}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        patch.delenv("DLRUN_OUTPUT_DIR", raising=False)
        patch.setenv("MPLBACKEND", "agg")
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        before = surroundings()
        for cell in cells:
            exec("".join(cell["source"]), variables)
        after = surroundings()
        variables["folders"] = [Path(row["run"]).resolve() for row in dl_runner.runs()]
    return variables, said, before, after


def surroundings():
    return {
        "argv": list(sys.argv),
        "path": list(sys.path),
        "environment": dict(os.environ),
        "threads": torch.get_num_threads(),
        "random": [random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()],
        "signals": [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)],
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "dtype": torch.get_default_dtype(),
        "directory": Path.cwd(),
    }


def test_the_cells_run_and_what_they_show_is_so(notebook):
    variables, said, _, _ = notebook
    assert variables["run"].status == "completed" and len(variables["folders"]) == 3
    assert {one.config["model"]["name"] for one in variables["sweep"]} == {"mlp", "softmax"}
    assert "did you mean lenet?" in str(said[-1])


def test_the_process_is_as_it_was(notebook):
    _, _, before, after = notebook
    before["environment"].pop("PYTEST_CURRENT_TEST", None), after["environment"].pop("PYTEST_CURRENT_TEST", None)
    for name, value in before.items():
        assert after[name] == value, name
