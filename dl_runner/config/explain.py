"""Hydra's errors in one line: the key, the value, the nearest valid choice. Imports no torch."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dl_runner.config.overrides import HYDRAS_OWN, key_of
from dl_runner.config.search_path import choices, groups
from dl_runner.errors import hint

Compose = Callable[[list[str]], DictConfig]


def explain(error: Exception, overrides: Sequence[str], folders: Sequence[Path], compose: Compose) -> str:
    """One line for the user from what Hydra raised while composing.

    Args:
        error: of Hydra's, or what Python raises inside it.
        overrides: the command line's KEY=VALUE arguments.
        folders: the user's own config folders.
        compose: other overrides → their config, to look for a near key in it.
    """
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(str(error.missing_cfg_file).removesuffix(".yaml"), error.options or (), folders)
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    told = _in_one_line(error)
    if found := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)'(?: requires|\s+1\.)", told):
        return _several(found[1])
    if key := _refused_key(error):
        return _no_such_key(key, list(overrides), compose)
    if isinstance(error, InterpolationResolutionError):
        return unresolved_message(error)
    if found := re.search(r"unexpected keyword argument '(\w+)'.* full_key: (hydra\.\w+)", told):
        return f"{found[2]}.{found[1]}: no such key of the {found[2].partition('.')[2]} that is chosen"
    if isinstance(error, HydraException | OmegaConfBaseException):
        cause = error.__cause__
        reason = _in_one_line(cause) if isinstance(cause, OmegaConfBaseException) else ""
        return f"{told or 'the command line cannot be composed'} ({reason})" if reason not in told else told
    if "Config group override must be" in told:  # a number, or null
        word = re.compile(r"[-+\d.]+|null|true|false", re.IGNORECASE)
        wrong = (one for one in overrides if key_of(one) in groups() and word.fullmatch(one.partition("=")[2]))
        if chosen := next(wrong, None):
            return _missing(chosen.replace("=", "/", 1), (), folders)
    # Hydra meets some malformed values, such as a list for a group or no launcher, with whatever Python raises.
    chosen = next((one for one in overrides if key_of(one) in groups() and one.partition("=")[2][:1] in "[{("), None)
    chosen = chosen or next((one for one in overrides if key_of(one).startswith(("hydra/", "hydra."))), None)
    return f"{chosen or 'the command line'}: cannot be composed ({type(error).__name__}: {told})"


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _missing(path: str, options: Sequence[str], folders: Sequence[Path]) -> str:
    own = next((group for group in HYDRAS_OWN if path.startswith(f"{group}/")), None)
    if own:
        what = own.partition("/")[2]
        return f"{path.replace(f'{own}/', f'{own}=', 1)}: no such {what}{hint(path.rpartition('/')[2], options)}"
    group, _, name = path.partition("/")
    if group in groups():
        return f"{group}={name}: no such {group}{hint(name, choices(group, folders))}"
    return f"{path}: no such config file"


def _unreadable(error: Any) -> str:
    reason = _in_one_line(error.__cause__ or error)
    if reason.startswith("LexerNoViableAlt"):  # all that it adds is the override
        strange = next((one for one in error.override.partition("=")[2] if not one.isascii()), "~")
        reason = f"a character like {strange} needs quotes"
    elif error.override.count("${") > 1:
        reason = "${…} within ${…} needs quotes"
    reason = reason.partition(" See https://")[0][:120]
    return (
        f"{' '.join(str(error.override).split())}: cannot be read ({reason}); write KEY=VALUE, and quote what is more "
        "than a word, as in 'KEY=\"~/a b\"'"
    )


def _several(override: str) -> str:
    key, _, values = override.partition("=")
    if values.lstrip("'\"").startswith(("choice(", "range(", "interval(", "glob(", "sort(", "shuffle(", "tag(")):
        return f"{override}: several values are a sweep; add -m"
    if key in groups():
        return f"{override}: several choices are a sweep; add -m"
    return f"{override}: several values are a sweep, which needs -m; one list of them is {key}=[{values}]"


def _refused_key(error: Exception) -> str | None:
    """The dotted key that is not in the config, as Hydra names it in its messages."""
    found = re.match(r"Could not (?:override|delete from config|append to config)[.:]? '([^']+)'", str(error))
    return found[1].partition("@")[0] if found else None


def _no_such_key(key: str, overrides: list[str], compose: Compose) -> str:
    shown = next((override for override in overrides if key_of(override) == key), key)
    known = _keys(overrides, compose)
    if key in groups() and key in known and not shown.startswith(("+", "~")):
        return f"{shown}: the config is one file as a whole, without choices; change its keys, as in {key}.KEY=VALUE"
    if shown.startswith("~") and key in known:
        value = known[key]
        if "=" in shown and value is not None:
            return f"{shown}: cannot be taken away, since {key} is {value}; leave out the value"
        return f"{shown}: is null, so there is nothing to take away; leave it out"
    if shown.startswith("+") and not shown.startswith("++") and key in known:
        return f"{shown}: {key} is there already; leave out the +"
    return f"{shown}: no such key{_near_key(key, known)}"


def _keys(overrides: list[str], compose: Compose) -> dict[str, Any]:
    """The keys of the config that the valid choices of the command line compose, with their values."""
    selections = [one for one in overrides if one.partition("=")[0] in groups()]
    try:
        plain = OmegaConf.to_container(compose(selections), resolve=False)
    except Exception:  # one of them does not exist, and Hydra meets that in many ways
        plain = OmegaConf.to_container(compose([]), resolve=False)
    assert isinstance(plain, dict)
    return dict(_flat({name: value for name, value in plain.items() if name != "hydra"}))


def _near_key(key: str, known: Mapping[str, Any]) -> str:
    parent = key.rpartition(".")[0]
    siblings = [name for name in known if name.rpartition(".")[0] == parent]
    # Keys are shown as they are within their section, which the user has named.
    if parent and siblings:
        return hint(key, siblings).replace(f" {parent}.", " ").replace("mean ", f"mean {parent}.", 1)
    return hint(key, siblings or [*known, *groups()]) or "; run `dlrun --cfg job` to see the keys"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")


def unresolved_message(error: Exception) -> str:
    """What is wrong with a value that is missing (???) or an interpolation ${…}, from OmegaConf's error about it."""
    reason, key = _in_one_line(error).partition(" full_key: ")[0], getattr(error, "full_key", None)
    # Hydra's own folders are made of what the user has set.
    place = "" if not key or key.startswith("hydra.") else f"{key}: "
    if "Missing mandatory value" in reason:
        return f"{place}needs a value; add {key}=… to the command line"
    if found := re.search(r"Environment variable '(.+?)' not found", reason):
        name = found[1]
        return f"{place}the environment variable {name} is not set; ${{oc.env:{name},DEFAULT}} has a value without it"
    if found := re.match(r"Interpolation key '(.+?)' not found", reason):
        return f"{place}${{{found[1]}}} refers to a key that does not exist"
    return place + re.sub(r"^\w+ raised while resolving interpolation: ", "", reason)
