"""The wheel holds everything: installed alone, `dlrun` works from an empty folder."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_dlrun_works_from_an_empty_folder_after_installing_the_wheel(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.endswith(".yaml")}
    assert packed == {f"dl_runner/conf/{path.relative_to(ROOT / 'conf')}" for path in (ROOT / "conf").rglob("*.yaml")}

    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    paths = subprocess.run([python, "-c", "import site; print(site.getsitepackages()[0])"], check=True, **TEXT)
    site = Path(paths.stdout.strip())
    # The dependencies come from here. A path in a .pth file is not searched for further .pth files, so a development
    # install of this checkout stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--offline", "--no-deps", "--python", str(python)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)

    empty = tmp_path / "empty"
    empty.mkdir()
    where = subprocess.run([python, "-c", "import dl_runner; print(dl_runner.__file__)"], cwd=empty, check=True, **TEXT)
    assert Path(where.stdout.strip()).is_relative_to(site)
    command = [environment / "bin" / "dlrun", "debug=fast"]
    done = subprocess.run(command, cwd=empty, **TEXT)
    assert done.returncode == 0, done.stderr
    (record,) = empty.glob("outputs/digits/lenet/*/run.json")
    assert json.loads(record.read_text())["status"] == "completed"


TEXT = {"capture_output": True, "text": True}
