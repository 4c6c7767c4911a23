"""Hydra at the edge: where the config groups live, composing without running, and Hydra's errors in one line.

Imports no torch.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dl_runner import registry
from dl_runner.errors import UserError, hint

# Beside the package in a checkout, inside it in an installed wheel.
_PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(folder for folder in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if folder.is_dir())


def groups() -> list[str]:
    """The config groups, in alphabetical order."""
    return sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())


def choices(group: str, config_dir: Path | None = None) -> list[str]:
    """The options of a group, with those of the user's own folder; a leading underscore marks a part of others."""
    folders = [folder / group for folder in (CONF, config_dir) if folder]
    paths = {path.relative_to(folder) for folder in folders for path in folder.rglob("*.yaml")}
    return sorted(str(path.with_suffix("")) for path in paths if not path.name.startswith("_"))


def describe(group: str, name: str) -> str:
    """One line about an option: the first line of its builder's or module's docstring, or of its YAML's comment."""
    if group in registry.PACKAGES:
        module = _PACKAGE.parent / Path(*registry.PACKAGES[group].split("."), f"{name}.py")
        if module.is_file():
            return _first_line(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))))
    if group in registry.MODULES:
        for module in registry.MODULES[group]:
            source = _PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
            for node in ast.parse(source.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return _first_line(ast.get_docstring(node))
    path = CONF / group / f"{name}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    return next((line for line in comments if not line.startswith("@package")), "")


def _first_line(docstring: str | None) -> str:
    return (docstring or "").split("\n")[0]


def compose(overrides: Iterable[str], config_dir: Path | None = None) -> DictConfig:
    """The config that `dlrun OVERRIDES` would run, without running it.

    Raises:
        UserError: an override that does not fit.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    overrides = [quoted(override) for override in overrides]
    extra = [f"hydra.searchpath=[file://{config_dir.resolve()}]"] if config_dir else []
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra_compose("config", overrides + extra)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, overrides, config_dir)) from None


def quoted(argument: str) -> str:
    """KEY=VALUE with quotes around words that Hydra's grammar lacks without them, as it does every letter that is not
    ASCII; a VALUE with quotes, brackets or interpolations of its own stays as it is."""
    key, equals, value = argument.partition("=")
    if argument.startswith("-") or not equals or value.isascii() or set(value) & set("'\"[]{}()$\\"):
        return argument
    words = (word if word.isascii() else f'"{word}"' for word in value.split(","))
    return f"{key}={','.join(words)}"


def explain(error: Exception, overrides: list[str], config_dir: Path | None = None) -> str:
    """One line for the user from an error of Hydra's: the key, the value, the nearest valid choice.

    Args:
        error: what Hydra raised while composing.
        overrides: the command line's KEY=VALUE arguments.
        config_dir: the user's own config folder.
    """
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = str(error.missing_cfg_file).removesuffix(".yaml").partition("/")
        if group in groups():
            return f"{group}={name}: no such {group}{hint(name, choices(group, config_dir))}"
        return f"{error.missing_cfg_file}: no such config file"
    if isinstance(error, OverrideParseException):
        reason = str(error.__cause__ or error).splitlines()[0]
        if reason.startswith("LexerNoViableAlt"):  # all that it adds is the override
            reason = "a character like ~ needs quotes"
        return (
            f"{error.override}: cannot be read ({reason}); write KEY=VALUE, and quote what is more than a word, "
            "as in 'KEY=\"~/a b\"'"
        )
    key = _refused_key(error)
    if key:
        shown = next((override for override in overrides if override.lstrip("+~").startswith(f"{key}=")), key)
        return f"{shown}: no such key{_near_key(key, overrides, config_dir)}"
    told = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    if isinstance(error, HydraException | OmegaConfBaseException):
        return told
    # Hydra meets some malformed values, such as a list for a group, with whatever Python raises.
    return f"the command line cannot be composed ({type(error).__name__}: {told})"


def _refused_key(error: Exception) -> str | None:
    """The dotted key that is not in the config, as Hydra names it in its messages."""
    found = re.match(r"Could not (?:override|delete from config|append to config)[.:]? '([^']+)'", str(error))
    return found[1].partition("@")[0] if found else None


def _near_key(key: str, overrides: list[str], config_dir: Path | None) -> str:
    """The nearest key of the config that the valid choices of the command line compose."""
    selections = [one for one in overrides if one.partition("=")[0] in groups()]
    try:
        plain = OmegaConf.to_container(compose(selections, config_dir), resolve=False)
    except UserError:
        plain = OmegaConf.to_container(compose([]), resolve=False)
    assert isinstance(plain, dict)
    parent = key.rpartition(".")[0]
    known = [*_flat({name: value for name, value in plain.items() if name != "hydra"}), *groups()]
    siblings = [name for name in known if name.rpartition(".")[0] == parent]
    # Keys are shown as they are within their section, which the user has named.
    if parent and siblings:
        return hint(key, siblings).replace(f" {parent}.", " ").replace("mean ", f"mean {parent}.", 1)
    return hint(key, siblings or known) or "; run `dlrun --cfg job` to see the keys"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")


def config_dir_of(argv: list[str]) -> Path | None:
    """The folder after --config-dir in a Hydra command line."""
    for position, argument in enumerate(argv):
        name, _, value = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            return Path(value or next(iter(argv[position + 1 :]), "."))
    return None
