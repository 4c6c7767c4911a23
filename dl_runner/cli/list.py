"""dlrun list: the config groups and their choices."""

from pathlib import Path

from dl_runner.cli.options import parser_of
from dl_runner.config.compose import choices, describe, groups
from dl_runner.errors import UserError, hint


def list_choices(argv: list[str]) -> None:
    """dlrun list [GROUP]: the config groups, or the choices of one."""
    parser = parser_of("list", "Show the config groups, or the choices of one.")
    parser.add_argument("group", nargs="?", help="such as models, data, optimizer")
    parser.add_argument("--config-dir", type=Path, help="a folder of your own with more choices")
    given = parser.parse_args(argv)
    if given.group is None:
        width = max(map(len, groups()))
        for group in groups():
            print(f"{group:<{width}}  {', '.join(choices(group, given.config_dir))}")
        return
    # `list models` reads better than `list model`, and both work.
    group = next((name for name in groups() if given.group in (name, f"{name}s", f"{name[:-1]}es")), None)
    group = group or {"losses": "loss", "inits": "init"}.get(given.group)
    if group is None:
        raise UserError(f"list {given.group}: no such group{hint(given.group, groups())}")
    if given.config_dir and not given.config_dir.is_dir():
        raise UserError(f"--config-dir {given.config_dir}: no such folder")
    names = choices(group, given.config_dir)
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {describe(group, name)}".rstrip())
