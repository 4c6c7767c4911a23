"""dlrun list: the config groups and their choices."""

from dl_runner.cli.options import parser_of
from dl_runner.config.describe import describe
from dl_runner.config.search_path import checked_folders, choices, groups
from dl_runner.errors import UserError, hint


def list_choices(argv: list[str]) -> None:
    """dlrun list [GROUP]: the config groups, or the choices of one."""
    parser = parser_of("list", "Show the config groups, or the choices of one.", composes=True)
    parser.add_argument("group", nargs="?", help="such as models, data, optimizer")
    given = parser.parse_intermixed_args(argv)
    folders = checked_folders(given.config_dir)
    if given.group is None:
        width = max(map(len, groups()))
        for group in groups():
            print(f"{group:<{width}}  {', '.join(choices(group, folders))}")
        return
    # `list models` reads better than `list model`, and both work.
    group = next((name for name in groups() if given.group in (name, f"{name}s", f"{name[:-1]}es")), None)
    group = group or {"losses": "loss", "inits": "init"}.get(given.group)
    if group is None:
        raise UserError(f"list {given.group}: no such group{hint(given.group, groups())}")
    names = choices(group, folders)
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {describe(group, name, folders)}".rstrip())
