"""Cores that affinity and quota allow."""

import os
import subprocess
import sys

import pytest

from dl_runner.runtime.cores import allowed_cores

HERE = sorted(os.sched_getaffinity(0))


def groups(root, limits, group="/user/session"):
    """A file system in which this process is in `group`; limits: folder → cpu.max."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"0::{group}\n")
    for folder, text in limits.items():
        (root / "sys/fs/cgroup" / folder).mkdir(parents=True, exist_ok=True)
        (root / "sys/fs/cgroup" / folder / "cpu.max").write_text(text)
    return root


def test_affinity_limits(tmp_path):
    assert allowed_cores(tmp_path) == len(HERE)
    line = f"import os; os.sched_setaffinity(0, [{HERE[0]}])\n"
    line += "from dl_runner.runtime.cores import allowed_cores; print(allowed_cores())"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"": "max 100000", "user": "max 100000", "user/session": "max 100000"}, 64),
        ({"user/session": "200000 100000"}, 2),
        ({"user": "300000 100000", "user/session": "max 100000"}, 3),
        ({"": "150000 100000", "user/session": "800000 100000"}, 2),
        ({"user/session": "20000 100000"}, 1),
        ({"user/session": "nonsense"}, 64),
        ({"elsewhere": "100000 100000"}, 64),
    ],
)
def test_the_quota_of_every_control_group_above_limits(tmp_path, monkeypatch, limits, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    assert allowed_cores(groups(tmp_path, limits)) == expected
