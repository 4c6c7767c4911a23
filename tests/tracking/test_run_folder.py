import json
import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from specs import labelled

import dl_runner
from dl_runner import DataSpec
from dl_runner.errors import UserError
from dl_runner.tracking import provenance
from dl_runner.tracking.run_folder import RunRecord, create, is_locked, lock

START = {"command": ["dlrun", "seed=1"], "seed": 1, "device": "cpu", "precision": "fp32"}


def python(code: str, *arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], text=True, **options)


def test_a_taken_name_gets_a_number(tmp_path):
    folders = [create(tmp_path / "digits" / "lenet", "now") for _ in range(3)]
    assert [folder.name for folder in folders] == ["now", "now_2", "now_3"]
    assert all(folder.is_dir() for folder in folders)


def test_processes_that_start_at_once_never_share_a_folder(tmp_path):
    code = """
import sys; from pathlib import Path; from dl_runner.tracking.run_folder import create
sys.stdin.readline()  # start together
for _ in range(20): print(create(Path(sys.argv[1]), "now"))
"""
    started = [python(code, tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        outputs = list(pool.map(lambda process: process.communicate("\n")[0], started))
    made = [line for output in outputs for line in output.split()]
    assert len(made) == len(set(made)) == len(list(tmp_path.iterdir())) == 60


def test_a_parent_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"outputs.*file"):
        create(tmp_path / "file", "now")


def test_one_process_at_a_time(tmp_path):
    with lock(tmp_path):
        with pytest.raises(UserError, match=str(tmp_path)), lock(tmp_path):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]
    with lock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = """
import sys, time; from pathlib import Path; from dl_runner.tracking.run_folder import lock
with lock(Path(sys.argv[1])): print("held", flush=True); time.sleep(60)
"""
    holder = python(code, tmp_path, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="another process"), lock(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with lock(tmp_path):
        pass


def test_asking_for_the_lock_neither_takes_nor_needs_it(tmp_path):
    assert not is_locked(tmp_path) and not list(tmp_path.iterdir())
    with lock(tmp_path):
        assert is_locked(tmp_path) and is_locked(tmp_path)
    assert not is_locked(tmp_path)
    with lock(tmp_path):
        pass


def test_locking_a_missing_folder_names_it(tmp_path):
    with pytest.raises(UserError, match="gone"), lock(tmp_path / "gone"):
        pass


def test_a_record_goes_from_running_to_completed(tmp_path):
    spec = labelled((1, 8, 8), 2, ("a", "b"))
    record = RunRecord.start(tmp_path, **START, parameters=61706, data=spec.to_dict())
    running = json.loads((tmp_path / "run.json").read_text())
    assert list(running) == list(RunRecord.FIELDS)
    assert (running["status"], running["end"], running["step"]) == ("running", None, 0)
    assert running["versions"]["torch"] and running["versions"]["dl_runner"] == dl_runner.__version__
    assert running["host"]["cores"] == os.cpu_count()
    assert datetime.fromisoformat(running["start"]).utcoffset().total_seconds() == 0

    record.update(step=30)
    record.finish("completed", {"test/accuracy": 0.9, "test/loss": math.nan})
    loaded = RunRecord.load(tmp_path)
    assert (loaded["status"], loaded["step"], loaded["command"]) == ("completed", 30, START["command"])
    assert loaded["metrics"]["test/accuracy"] == 0.9 and math.isnan(loaded["metrics"]["test/loss"])
    assert DataSpec.from_dict(loaded["data"]) == spec
    assert loaded["end"] >= loaded["start"] and loaded["seconds"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_resumed_record_adds_up_its_sittings(tmp_path):
    record = RunRecord.start(tmp_path, **START)
    record.update(step=10)
    record.fields["seconds"] = 100.0
    record.finish("failed", {}, traceback="Traceback …")
    path = tmp_path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 100.0, "checksums": None}))

    again = RunRecord.load(tmp_path)
    again.resume(step=8)
    assert (again["status"], again["traceback"], again["end"]) == ("running", None, None)
    assert [event["step"] for event in again["resumed"]] == [8]
    again.finish("completed", {})
    assert 100 < RunRecord.load(tmp_path)["seconds"] < 160


def test_unknown_fields_are_refused(tmp_path):
    with pytest.raises(TypeError, match="sed"):
        RunRecord.start(tmp_path, **START, sed=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [None, "", '{"status": "runn', "[]", "{}"])
def test_a_missing_or_damaged_record_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json"):
        RunRecord.load(tmp_path)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_checkout_gives_commit_and_dirt_only_of_the_packages_own_repository(tmp_path):
    assert provenance.checkout(tmp_path) is None
    git(tmp_path, "init", "-q")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "other").write_text("")
    git(tmp_path, "add", "other")
    git(tmp_path, "commit", "-qm", "other")
    file = package / "__init__.py"
    assert provenance.checkout(package, file) is None  # in the repository's folder, but no part of it
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "package")
    assert provenance.checkout(package, file) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "outputs").write_text("")  # what git does not track is no change
    assert provenance.checkout(package)["dirty"] is False
    file.write_text("changed = 1\n")
    assert provenance.checkout(package)["dirty"] is True


@pytest.mark.parametrize(
    "module",
    ["runtime.files", *(f"tracking.{name}" for name in ("run_folder", "metrics_file", "tensorboard", "console"))],
)
def test_importing_it_imports_no_torch(module):
    code = f"import sys, dl_runner.{module}; sys.exit('torch' in sys.modules or 'tensorboard' in sys.modules)"
    assert python(code).wait() == 0
