"""YAML that remembers its lines: plain data, and the line of every key.

Scalars follow YAML 1.2's core schema, because 1.1 surprises: there `1e-6` is text, `012` is ten, `no` is false
and `1:30` is ninety. Here `1e-6` is a number, `012` twelve, and only `true` and `false` are booleans;
underscores in whole numbers (`10_000`) stay allowed. Duplicate keys, tags and merge keys are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

_PREFIX = "tag:yaml.org,2002:"
_RULES: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9](?:[0-9_]*[0-9])?|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would not read as text, so that any reader sees the same recipe."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Only double quotes escape the line breaks of Unicode; the other styles fold them into a space.
    style = '"' if set(text) & set("\x85\u2028\u2029\ufeff") else None
    return dumper.represent_scalar(_PREFIX + "str", text, style=style)


_Dumper.add_representer(str, _represent_text)

for _name, _pattern, _first in _RULES:
    for _class in (_Loader, _Dumper):
        # An empty first-character entry is how PyYAML files the empty scalar.
        _firsts = [c if c != "\0" else "" for c in _first]
        _class.add_implicit_resolver(_PREFIX + _name, re.compile(f"(?:{_pattern})$"), _firsts)


class YamlError(ValueError):
    """One fault of a YAML text; line counts from 1."""

    def __init__(self, line: int, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.line, self.message, self.path = line, message, path


@dataclass
class Document:
    """data: what the text says. lines: the line of each key (a list's item: where it starts), from 1."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[YamlError] = field(default_factory=list)


def parse(text: str) -> Document:
    """The document and its faults. Raises YamlError where the text is not YAML at all."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, _readable(error)) from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error, yaml.reader.ReaderError) else 1
        raise YamlError(line, "a control character; a recipe is plain UTF-8 text") from error
    except RecursionError as error:
        raise YamlError(1, "nested too deeply to be a recipe") from error
    document = Document(None)
    if node is not None:
        document.data = _build(node, (), document, ())
    return document


def dump(data: Any) -> str:
    """YAML that `parse` reads back as the same data; keys in the order given."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _readable(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if "expected a single document" in (error.context or ""):
        return "a second document (`---`); a recipe is one document"
    if "mapping values are not allowed" in problem:
        return "a second `:` in one line, or a wrong indentation; quote the text or indent it as its neighbours"
    return f"not YAML: {problem}" + (f" ({error.context})" if error.context else "")


def _build(node: yaml.Node, path: Path, document: Document, ancestors: tuple[int, ...]) -> Any:
    line = node.start_mark.line + 1
    document.lines.setdefault(path, line)
    if id(node) in ancestors:
        document.faults.append(YamlError(line, "an alias that contains itself; write the values out", path))
        return None
    if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
        return _build_map(node, path, document, (*ancestors, id(node)))
    if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
        deeper = (*ancestors, id(node))
        return [_build(item, (*path, i), document, deeper) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_PREFIX) in ("null", "bool", "int", "float", "str"):
        return _scalar(node, path, document)
    document.faults.append(YamlError(line, f"the tag {node.tag!r} is not read in a recipe; write plain values", path))
    return None


def _build_map(node: yaml.MappingNode, path: Path, document: Document, ancestors: tuple[int, ...]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        # A whole number is read as its text: layers and the like are named by number.
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in (_PREFIX + "str", _PREFIX + "int"):
            found = repr(key) if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
            document.faults.append(YamlError(line, f"a key must be text, found {found}; put it in quotes", path))
            continue
        here = (*path, key)
        if key == "<<":
            document.faults.append(YamlError(line, "merge keys are not read in a recipe; write the keys out", here))
        elif key in data:
            message = f"written twice, first in line {document.lines[here]}; keep one of the two"
            document.faults.append(YamlError(line, message, here))
        else:
            document.lines[here] = line
            data[key] = _build(value_node, here, document, ancestors)
    return data


def _scalar(node: yaml.ScalarNode, path: Path, document: Document) -> Any:
    text, kind = node.value, node.tag.removeprefix(_PREFIX)
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int":
                return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
            case "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            case _:
                return text
    except (ValueError, KeyError):  # an explicit tag on a text that is not one: `!!int apple`
        message = f"{text!r} is no {kind}; remove the tag"
        document.faults.append(YamlError(node.start_mark.line + 1, message, path))
        return None
