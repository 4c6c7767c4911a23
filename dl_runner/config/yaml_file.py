"""YAML files as the command line reads values: `seed: 010` is no 8, `1:30` no 90, `on` no true.

YAML 1.1 knows octal, binary, hexadecimal and base-60 numbers, dates and five words for true. A plain scalar here is a
number, true, false or null exactly where Hydra's command line would take it for one, and else the text that is written.
Imports no torch.
"""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from dl_runner.errors import UserError

MOST_NODES = 200_000  # after every alias (*NAME) is written out; a config has a few hundred

_WHOLE = r"(?:0|[1-9](?:_?[0-9])*)"  # the rules of Hydra's OverrideLexer.g4
_DIGITS = r"[0-9](?:_?[0-9])*"
_POINT = rf"(?:{_WHOLE}\.|{_WHOLE}?\.{_DIGITS})"
_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", rf"[-+]?{_WHOLE}", "-+0123456789"),
    ("float", rf"[-+]?(?:(?:{_WHOLE}|{_POINT})[eE][-+]?{_DIGITS}|{_POINT})", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", "<<", "<"),
)


class _Loader(yaml.SafeLoader):
    """Also refuses a key that stands twice in a mapping."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                problem = f"{key.value} is there already, in line {first[key.value]}; keep one of the two"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            first[key.value] = line
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def is_number(text: str) -> bool:
    """Whether a plain scalar is a number."""
    return any(re.fullmatch(pattern, text) for tag, pattern, _ in _RESOLVERS if tag in ("int", "float"))


def text_of(path: Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark.

    Raises:
        UserError: it cannot be read, or is in another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UserError(f"{path}: is in UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8") from None


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """What a YAML file says.

    Returns:
        Plain containers, None for an empty file, and the root of the nodes that know their lines.

    Raises:
        UserError: no UTF-8 or no YAML; names file and line.
    """
    text = text_of(path)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        if _size(node, {}) > MOST_NODES:
            raise UserError(f"{path}: stands for more than {MOST_NODES:,} values; that is no config")
        return loader.construct_document(node), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise UserError(f"{path}{line}: {_problem(error, text)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(f"{path}:{line}: a character that no text has (#x{ord(text[error.position]):04x})") from None
    except (RecursionError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from None


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = error.problem or error.context or "not YAML"
    if r"'\t'" in problem:
        return "has a tab; YAML indents with spaces"
    lines = text.splitlines()
    if error.problem_mark is not None and error.problem_mark.line < len(lines):
        indent = re.match(r"\s*", lines[error.problem_mark.line])
        if indent and "\t" in indent[0]:
            return "is indented with a tab; YAML indents with spaces"
    if "mapping values are not allowed" in problem:
        return "has a second colon; quote a text that holds ': '"
    context = f" {error.context}" if error.context and error.context != problem else ""
    return f"{problem}{context}"


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """The number of nodes with every alias written out; `known` holds it for nodes that were met before, 0 while they
    are being counted: one within itself is endless."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1
        children = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in node.value for one in pair]
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]
