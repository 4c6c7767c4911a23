"""The files that a document shows in full, and the command lines beside them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def shown_files(page: str) -> dict[str, str]:
    """Path → content of each fenced block of a page whose first line is a comment with its path."""
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return dict(blocks)


def write_files(page: str, folder: Path) -> None:
    """Write the files of a page below a folder."""
    for name, content in shown_files(page).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
