"""How threads wait is set for every process of the program, before torch is loaded."""

import os
import subprocess
import sys

import pytest

from dl_runner.runtime.waiting import SPINS, set_wait_policy


def test_threads_soon_sleep_unless_the_user_says_otherwise():
    environment = {}
    set_wait_policy(environment)
    assert environment == {"GOMP_SPINCOUNT": str(SPINS)}
    for own in ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}):
        environment = dict(own)
        set_wait_policy(environment)
        assert environment == own


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings another OpenMP there")
@pytest.mark.parametrize("own", [None, "7"])
def test_torchs_openmp_reads_it(own):
    # The library prints its settings while it is loaded, which is when the command first imports torch.
    program = "from dl_runner.cli import app; app.run = lambda line: __import__('torch'); app.main([])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | ({"GOMP_SPINCOUNT": own} if own else {})
    shown = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True).stderr
    assert f"GOMP_SPINCOUNT = '{own or SPINS}'" in shown
