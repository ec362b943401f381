"""PyYAML's safe loader with the limits and the types of a study.

A value that YAML 1.1 would change stays as it is written: dates, and numbers such as ``007``,
``1:30`` and ``1_000``, are text.  Whatever would raise another error than YAMLError, or grow
without bound, is a YAMLError with line and column.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import yaml

from bench.core.errors import Finding

DEEPEST = 50
"""Maximum number of levels of nested values."""

MOST_VALUES = 200_000
"""Maximum number of values, with the values of an alias counted wherever it is used."""

LARGEST = 2**63 - 1
"""Maximum size of a whole number."""

TAG = "tag:yaml.org,2002:"
WHOLE = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
FRACTION = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN)\Z"
)
REPLACED = {f"{TAG}int", f"{TAG}float", f"{TAG}timestamp", f"{TAG}value"}
FORBIDDEN = re.compile("[\0\ud800-\udfff]")
"""Characters that no file name and no output can have."""


class _Extent(NamedTuple):
    """The number of values in a node, and the number of its levels."""

    values: int
    levels: int


class StudyLoader(yaml.SafeLoader):
    """Records duplicate keys of a mapping, of which YAML would keep the last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[Finding] = []
        self._depth = 0
        self._extents: dict[int, _Extent] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node with its children; raises ComposerError beyond the limits."""
        mark = self.peek_event().start_mark
        self._depth += 1
        if self._depth > DEEPEST:
            raise _error(f"expected at most {DEEPEST} levels of nested values", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and id(node) not in self._extents:
            self._extents[id(node)] = self._extent(node, mark)
        return node

    def _extent(self, node: yaml.Node, mark: Any) -> _Extent:
        children = [self._extents.get(id(child)) for child in _children(node)]
        known = [child for child in children if child is not None]
        if len(known) < len(children):
            raise _error("an alias is inside the value that it repeats", mark)
        found = _Extent(
            1 + sum(child.values for child in known),
            1 + max((child.levels for child in known), default=0),
        )
        if found.levels > DEEPEST:
            raise _error(f"expected at most {DEEPEST} levels of nested values", mark)
        if found.values > MOST_VALUES:
            raise _error(f"expected at most {MOST_VALUES:,} values, aliases included", mark)
        return found


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (child for pair in node.value for child in pair)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _mapping(loader: StudyLoader, node: yaml.Node) -> dict[Hashable, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _error("expected a mapping", node.start_mark)
    first: dict[str, int] = {}
    for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
        line = key.start_mark.line + 1
        if key.value in first:
            expected = f"duplicate key, first used in line {first[key.value]}"
            loader.twice.append(Finding(f"line {line}", key.value, expected, "keep one of them"))
        first.setdefault(key.value, line)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _text(loader: StudyLoader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node))
    if FORBIDDEN.search(text):
        raise _error("a character that no text can have", node.start_mark)
    return text


def _whole(loader: StudyLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if not WHOLE.fullmatch(text):
        raise _error(f"expected a whole number, not {text[:40]!r}", node.start_mark)
    if len(text) > len(str(-LARGEST)) or abs(int(text)) > LARGEST:
        expected = f"a whole number of {len(text)} digits: expected at most {LARGEST}"
        raise _error(f"{expected}; put quotes around a label or title", node.start_mark)
    return int(text)


def _fraction(loader: StudyLoader, node: yaml.ScalarNode) -> float:
    try:
        return float(loader.construct_yaml_float(node))
    except (ValueError, IndexError, OverflowError):
        raise _error(f"expected a number, not {node.value[:40]!r}", node.start_mark) from None


def _boolean(loader: StudyLoader, node: yaml.ScalarNode) -> bool:
    try:
        return bool(loader.construct_yaml_bool(node))
    except KeyError:
        raise _error(f"expected true or false, not {node.value[:40]!r}", node.start_mark) from None


def _unused(loader: StudyLoader, node: yaml.Node) -> None:
    tag = node.tag.replace(TAG, "!!")
    raise _error(f"the tag {tag} has no meaning in a study", node.start_mark)


def _error(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(problem=problem, problem_mark=mark)


StudyLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in REPLACED]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
StudyLoader.add_implicit_resolver(f"{TAG}int", WHOLE, list("-0123456789"))
StudyLoader.add_implicit_resolver(f"{TAG}float", FRACTION, list("-+.0123456789"))
StudyLoader.add_constructor(f"{TAG}map", _mapping)
StudyLoader.add_constructor(f"{TAG}str", _text)
StudyLoader.add_constructor(f"{TAG}timestamp", _text)
StudyLoader.add_constructor(f"{TAG}int", _whole)
StudyLoader.add_constructor(f"{TAG}float", _fraction)
StudyLoader.add_constructor(f"{TAG}bool", _boolean)
for _name in ("binary", "omap", "pairs", "set"):
    StudyLoader.add_constructor(f"{TAG}{_name}", _unused)
