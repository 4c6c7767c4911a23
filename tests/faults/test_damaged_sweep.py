"""sweep.json cut, flipped, emptied, replaced: the sweep is refused by name, or goes on to the same end."""

import shutil

import pytest
from damage import ALL, EVERY, FEW, refused, results, said
from helpers import QUIET

LINE = (
    *("-m", "data=digits", "data.limit=60", "data.batch_size=20", "model=softmax", "trainer.steps=3"),
    *("sweep.name=s", "hydra/launcher=basic", *QUIET),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sweep of two jobs, another one, and what a job has come to."""
    top = tmp_path_factory.mktemp("sweeps")
    for place, values in (("one", "0.05,0.1"), ("other", "0.2,0.3")):
        assert said(*LINE, f"optimizer.lr={values}", f"outputs={top / place}")[0] == 0
    shutil.copytree(top / "one", top / "kept")
    return top, {path.name: results(path) for path in (top / "one/sweeps/s").iterdir() if (path / "run.json").exists()}


@pytest.mark.parametrize("damage", EVERY if ALL else FEW)
def test_a_damaged_list_of_jobs_is_refused_by_name_or_does_no_harm(damage, made):
    top, ends = made
    shutil.rmtree(top / "one")
    shutil.copytree(top / "kept", top / "one")
    path, other = (top / place / "sweeps/s/sweep.json" for place in ("one", "other"))
    path.write_bytes(EVERY[damage](path.read_bytes(), other.read_bytes()))
    code, _, err = said(*LINE, "optimizer.lr=0.05,0.1", f"outputs={top / 'one'}")
    if code:
        told = refused(code, err, "sweep.json")
        assert not told or (damage == "replaced by another run's" and "holds a different sweep" in err), told
    folders = [path for path in (top / "one/sweeps/s").iterdir() if (path / "run.json").exists()]
    assert {path.name: results(path) for path in folders} == ends
