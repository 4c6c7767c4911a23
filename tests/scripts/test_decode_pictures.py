"""Each file of a folder in a process of its own: decoded, refused, or a failure."""

import subprocess
import sys
from pathlib import Path

from pictures import picture
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "scripts" / "decode_pictures.py"


def decoded(folder, *options):
    command = [sys.executable, SCRIPT, folder, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_became_of_each_file_and_the_peaks(tmp_path):
    picture(tmp_path / "a" / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    done = decoded(tmp_path, "--verbose")
    good, bad, counts, memory, longest = done.stdout.splitlines()
    assert done.returncode == 0 and not done.stderr
    assert good.startswith(f"decoded {tmp_path}/a/good.png") and bad.startswith(f"refused {tmp_path}/bad.png")
    assert counts == "1 decoded, 1 refused" and memory.startswith("most memory ") and longest.startswith("longest ")


def test_a_file_that_takes_too_much_memory_is_a_failure(tmp_path):
    Image.new("RGB", (6000, 6000)).save(tmp_path / "large.png")
    done = decoded(tmp_path, "--mib", "40")
    assert done.returncode == 1 and done.stdout.startswith(f"FAILED {tmp_path}/large.png") and "memory" in done.stdout
