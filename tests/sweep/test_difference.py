"""What two sweeps differ in, and the names of their folders."""

import pytest

from dl_runner.sweep.difference import beside, difference
from dl_runner.sweep.folder import add_jobs
from dl_runner.tracking.run_folder import Job


def of(*fixed, search="grid", **swept):
    return {"search": search, "fixed": list(fixed), "swept": {key.replace("_", "."): one for key, one in swept.items()}}


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        (of(model_width="4,5"), of(model_width="5,6"), "model.width is 4,5 there and 5,6 here"),
        (of("seed=1", seed_a="1"), of("seed=2", seed_a="1"), "seed is 1 there and 2 here"),
        (of("model=mlp"), of(), "model=mlp is there alone"),
        (of(), of("++model.a=1", "~model.b"), "++model.a=1 is here alone, ~model.b is here alone"),
        (of(lr="1,2"), of("lr=1"), "lr is 1,2 there and 1 here"),
        (of(lr="1,2"), of(lr="1,2", search="zip"), "sweep is grid there and zip here"),
        (
            of("sweep.name=a", "tracker.console=none", "outputs=a"),
            of("sweep.name=b", "device.name=cpu"),
            "the same keys",
        ),
        (
            of(*"abcdef"),
            of(),
            "a is there alone, b is there alone, c is there alone, d is there alone, and 2 more",
        ),
    ],
)
def test_the_keys_that_differ_are_named(there, here, told):
    assert difference(there, here).startswith(told)


def test_the_command_beside_has_a_name_of_its_own(tmp_path):
    (tmp_path / "a_2").mkdir()
    command = ["dlrun", "-m", "sweep.name=a", "model.hidden=[8],[4]"]
    assert beside(command, tmp_path / "a") == "dlrun -m 'model.hidden=[8],[4]' sweep.name=a_3"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("model.hidden=[512, 256],seed=1", "0_model.hidden=512-256,seed=1"),
        ("model.hidden=[8]", "0_model.hidden=8"),
        ("model.hidden=[]", "0_model.hidden="),
        ("data.path=../[a]", "0_data.path=.._a_"),
        ("model.betas=[1e-3,0.9],optimizer.lr=0.1", "0_model.betas=1e-3-0.9,optimizer.lr=0.1"),
    ],
)
def test_the_folder_of_a_list_is_readable(label, name, tmp_path):
    (entry,) = add_jobs(tmp_path, [Job(label, "0" * 16, ("dlrun",))], {})
    assert entry.folder == name and entry.job.label == label
