"""dlrun new: a package of one's own parts that runs at once."""

import keyword
import shutil
import sys
import tempfile
from pathlib import Path

from dl_runner.cli.new_package import FILES
from dl_runner.cli.options import parser_of
from dl_runner.config.search_path import checked_folders, choices
from dl_runner.errors import UserError
from dl_runner.runtime.modules import find_module


def new(argv: list[str]) -> None:
    """dlrun new NAME: write a package with a model and a data set of your own, which runs at once."""
    parser = parser_of("new", "Write a package with a model and a data set of your own, in the folder NAME.")
    parser.add_argument("name", metavar="NAME", help="of the package, its model and its data set, such as my_parts")
    given = parser.parse_intermixed_args(argv)
    checked_folders(given.config_dir)
    name = given.name
    check_name(name)
    write(name, Path(name))
    print(f"{name}/ written; install it, see it, train it:")
    print(f"  pip install --editable ./{name}")
    print("  dlrun list models")
    print(f"  dlrun model={name} data={name}")
    print(f"  make -C {name} test")


def check_name(name: str) -> None:
    """Check that a package, a model and a data set can have a name.

    Raises:
        UserError: they cannot.
    """
    if not name.isidentifier() or name != name.lower() or keyword.iskeyword(name) or name.startswith("_"):
        raise UserError(f"new {name}: is no name of a package; small letters, digits and _, as in dlrun new my_parts")
    if Path(name).exists():
        raise UserError(f"new {name}: there is a file or folder of this name; choose another, or go to another folder")
    if name in sys.stdlib_module_names or find_module(name) is not None:
        raise UserError(f"new {name}: there is a package of this name already; choose another one")
    if taken := next((group for group in ("model", "data") if name in choices(group)), None):
        raise UserError(f"new {name}: {taken}={name} is there already; choose another name")


def write(name: str, folder: Path) -> None:
    """Write the package, whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.absolute().parent) as temporary:
            for path, text in FILES.items():
                file = Path(temporary, name, path.replace("NAME", name))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text.replace("NAME", name), encoding="utf-8")
            shutil.move(Path(temporary, name), folder)
    except OSError as error:
        raise UserError(f"new {name}: cannot be written here ({error.strerror}); go to another folder") from None
