"""dlrun list: the config groups, their choices, and the keys of one choice."""

from collections.abc import Sequence
from pathlib import Path

from dl_runner.cli.options import parser_of
from dl_runner.config.describe import describe, settings
from dl_runner.config.search_path import checked_folders, choices, group_named, groups, owner_of
from dl_runner.errors import UserError, hint


def list_choices(argv: list[str]) -> None:
    """dlrun list [GROUP [CHOICE]]: the config groups, the choices of one, or the keys of a choice."""
    parser = parser_of("list", "Show the config groups, the choices of one, or the keys of a choice.", composes=True)
    parser.add_argument("group", nargs="?", help="such as models, data, optimizer")
    parser.add_argument("choice", nargs="?", help="such as lenet, digits, adam")
    given = parser.parse_intermixed_args(argv)
    folders = checked_folders(given.config_dir)
    if given.group is None:
        width = max(map(len, groups()))
        for group in groups():
            print(f"{group:<{width}}  {', '.join(choices(group, folders))}")
        return
    # `list models` reads better than `list model`, and both work; so does `list model=lenet`.
    named, equals, choice = given.group.partition("=")
    group = group_named(named)
    if group is None:
        raise UserError(f"list {given.group}: no such group{hint(named, groups())}")
    choice = choice if equals else given.choice
    names = choices(group, folders)
    if choice is None:
        width = max(map(len, names))
        for name in names:
            owner = owner_of(group, name, folders)
            whose = f"  ({owner})" if owner else ""
            print(f"{name:<{width}}  {describe(group, name, folders)}{whose}".rstrip())
    elif choice not in names:
        raise UserError(f"list {group} {choice}: no such {group}{hint(choice, names)}")
    else:
        _show(group, choice, folders)


def _show(group: str, name: str, folders: Sequence[Path]) -> None:
    found = settings(group, name, folders)
    print(f"{group}={name}  {describe(group, name, folders)}".rstrip())
    if not found:
        print("It has no keys.")
    width = max((len(f"{one.key}={one.default}") for one in found), default=0)
    for one in found:
        told = "; ".join(filter(None, (one.meaning.rstrip("."), one.takes)))
        print(f"  {f'{one.key}={one.default}':<{width}}  {told}".rstrip())
