"""The keys and choices that there are, for a command line that is being mended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from dl_runner.config.describe import kinds_of_section
from dl_runner.config.hints.vocabulary import CHOICES, KEYS, SECTIONS, folded
from dl_runner.config.keys import keys_of
from dl_runner.config.search_path import choices, group_named, groups
from dl_runner.config.signatures import first_line, parameters
from dl_runner.errors import UserError

_WITH_BUILDERS = ("optimizer", "model", "schedule", "data", "loss", "task", "init", "tokenizer")
_USUAL = (
    "mlp",
    "lenet",
    "resnet18",
    "gru",
    "momentum",
    "adam",
    "cosine",
    "word",
)  # these come first
_HIDDEN = (".name", ".builder", "sweep.job", "sweep.search", "task.teacher_weights", "pretrained.weights")


@dataclass(frozen=True)
class Known:
    """What the groups of a command line compose.

    Args:
        folders: of the user's own configs.
        name: of the config as a whole.
        selections: GROUP=CHOICE, one choice each.
    """

    folders: tuple[Path, ...]
    name: str
    selections: tuple[str, ...]

    @cached_property
    def keys(self) -> Mapping[str, Any]:
        """The dotted keys of the config with their values, interpolations as they are written."""
        from dl_runner.config.compose import compose

        try:
            plain = OmegaConf.to_container(compose(self.selections, self.folders, self.name), resolve=False)
        except UserError:  # one of the choices does not exist
            plain = OmegaConf.to_container(compose([], self.folders, self.name), resolve=False)
        assert isinstance(plain, dict)
        return dict(_flat({str(name): value for name, value in plain.items() if name != "hydra"}))

    def places(self, key: str) -> list[str]:
        """The keys of the config that a key may mean: those of its section, if it has one there, else of any."""
        section, _, leaf = key.rpartition(".")
        meant = {*KEYS.get(folded(key), ()), *KEYS.get(folded(leaf), ())}
        leaves = {folded(leaf), *(folded(one) for one in meant if "." not in one)}
        found = [one for one in sorted(meant) if one in self.keys]
        found += [one for one in self.keys if folded(one.rpartition(".")[2]) in leaves and not one.endswith(_HIDDEN)]
        found = [one for one in dict.fromkeys(found) if not isinstance(self.keys[one], dict)]
        inside = [one for one in found if section and one.startswith(f"{group_meant(section) or section}.")]
        return inside or found

    def holders(self, key: str, value: str) -> tuple[str, str, list[str]] | None:
        """The group, the key's last part and the choices of the group that have it, for a key that the config lacks."""
        section, _, leaf = key.rpartition(".")
        wanted = (folded(leaf), *(folded(one) for one in KEYS.get(folded(leaf), ()) if "." not in one))
        group = group_meant(section) if section else None
        for name in [group] if group in _WITH_BUILDERS else [] if section else _WITH_BUILDERS:
            found = {choice: one for choice in choices(name, self.folders) if (one := self._has(name, choice, wanted))}
            if found:
                names = sorted(found, key=lambda one: (_USUAL.index(one) if one in _USUAL else len(_USUAL), one))
                if value.startswith("["):  # where it is a list
                    listed = [one for one in names if isinstance(self._default(name, one, found[one]), list)]
                    names = listed or names
                return name, found[names[0]], names
        return None

    def _has(self, group: str, choice: str, wanted: Sequence[str]) -> str | None:
        try:
            keys = keys_of(group, choice, self.folders)
        except UserError:  # a damaged file of the user's own
            return None
        return next((one for name in wanted for one in keys if folded(one) == name and one != "name"), None)

    def _default(self, group: str, choice: str, leaf: str) -> Any:
        return keys_of(group, choice, self.folders)[leaf].default

    def takes(self, group: str, choice: str, leaf: str) -> bool:
        """Whether a choice of a group has a key, in its YAML or as a keyword of its builder."""
        keys = keys_of(group, choice, self.folders)
        builder = keys.get("builder") or keys.get("name")
        named = parameters(group, str(builder.default)) if builder else ()
        return leaf in keys or any(one.name == leaf for one in named)

    def kind(self, key: str) -> str:
        """What a key of the config takes, in words; "" where that is not known."""
        section, _, leaf = key.rpartition(".")
        if leaf in (fixed := kinds_of_section(section)):
            return fixed[leaf]
        builder = self.keys.get(f"{section}.builder") or self.keys.get(f"{section}.name")
        return next((one.takes for one in parameters(section, str(builder)) if one.name == leaf), "")

    def adds(self, key: str) -> bool:
        """Whether the chosen builder of a section may take a key that its YAML lacks; a plugin's may take any."""
        section, _, leaf = key.rpartition(".")
        builder = self.keys.get(f"{section}.builder") or self.keys.get(f"{section}.name")
        named = parameters(section, str(builder))
        return any(one.name == leaf for one in named) or (builder is not None and first_line(section, builder) is None)

    def meant(self, group: str, value: str) -> list[str]:
        """The choices of a group that a word may mean; [] for none that is near enough to be sure."""
        names = choices(group, self.folders)
        word = value.strip("\"' /").removesuffix(".yaml").removesuffix(".yml")
        if word in names:
            return [word]
        same = [one for one in names if folded(one) == folded(word)]
        if not same and folded(word) in ("null", "none", "no", "off", "false", "nothing") and "none" in names:
            same = ["none"]
        if not same and (other := CHOICES.get(group, {}).get(folded(word))) in names:
            same = [str(other)]
        return same or [one for one in names if "/" in one and folded(one.rpartition("/")[2]) == folded(word)]


def group_meant(word: str) -> str | None:
    """The group that a word may mean, in any case, in the plural, or by the name that it has elsewhere."""
    return group_named(word.lower()) or SECTIONS.get(folded(word))


def groups_of(word: str, known: Known) -> list[tuple[str, str]]:
    """The groups with a choice that a word alone may mean, as (group, choice)."""
    order = ("model", "data", "experiment", "optimizer", "schedule")
    meant = [(group, one) for group in groups() for one in known.meant(group, word)]
    called = [pair for pair in meant if folded(pair[1].rpartition("/")[2]) == folded(word)]
    found = [pair for pair in called or meant if pair[1] not in ("none", "auto")]
    return sorted(found, key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
