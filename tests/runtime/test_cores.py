"""Cores that are allowed, and those that others leave free."""

import os
import subprocess
import sys
import time

import pytest

from dl_runner.runtime.cores import Load, allowed_cores

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


def write_stat(root, busy, cores=4):
    """proc/stat in which each core has worked so many hundredths of a second."""
    (root / "proc").mkdir(exist_ok=True)
    lines = [f"cpu{number} {spent} 0 0 5000 10 0 0 0 0 0" for number, spent in enumerate(busy)]
    lines += [f"cpu{number} 99999 0 0 0 0 0 0 0 0 0" for number in range(len(busy), cores)]
    (root / "proc/stat").write_text("cpu 1 2 3 4 5 6 7 8 9 10\n" + "\n".join(lines) + "\nintr 1\n")


@pytest.mark.parametrize(
    ("shares", "expected"), [((0, 0, 0, 0), 4), ((1, 0, 0, 0), 3), ((0.9, 0.8, 0, 0.1), 2), ((1, 1, 1, 1), 1)]
)
def test_what_others_use_is_not_free(tmp_path, monkeypatch, shares, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    write_stat(tmp_path, [100] * 4)
    clock = [10.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(os, "times", lambda: (clock[0] / 2, 0.0, 0.0, 0.0, clock[0]))  # this process: half a core
    load = Load(tmp_path)
    clock[0] += 2
    ticks = os.sysconf("SC_CLK_TCK")
    own = [0.5, 0, 0, 0]
    write_stat(tmp_path, [int(100 + 2 * (share + mine) * ticks) for share, mine in zip(shares, own, strict=True)])
    assert load.free_cores() == expected


def test_cores_outside_the_affinity_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    write_stat(tmp_path, [0, 0], cores=64)
    assert Load(tmp_path).free_cores() == 2


def test_own_work_leaves_the_cores_free():
    load, until = Load(), time.process_time() + 0.4
    while time.process_time() < until:
        pass
    assert 1 <= load.free_cores() <= len(HERE)


def test_without_the_kernels_counts_all_allowed_cores_are_free(tmp_path):
    assert Load(tmp_path).free_cores() == len(HERE)
