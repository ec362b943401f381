"""The parameters that a card's frozen dataclass declares: names, ranges, defaults and docs.

The dataclass is the only source of validation, messages, the JSON schema and the key table.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from inspect import cleandoc, getsource
from textwrap import dedent
from typing import Any, NamedTuple

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from bench.core.errors import Finding, UserError, mistake, suggestion
from bench.planning.limits import LARGEST, largest

NUMBER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+|\d{1,3}(_\d{3})+")
"""Numbers that are read as text, such as 1e-3 and 10_000."""

BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "null": "null"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One field of a card's dataclass."""

    name: str
    schema: Mapping[str, Any]
    """Its JSON schema: type, range, default."""
    required: bool

    @property
    def types(self) -> set[str]:
        """The JSON types of a value, including the types of list items."""
        return _types(self.schema)

    @property
    def is_list(self) -> bool:
        """Whether one value of it is a list, so that only a list of lists fans out."""
        return "array" in self.types

    @property
    def default_text(self) -> str:
        """Its default as written in a study."""
        return "required" if self.required else json.dumps(self.schema.get("default"))

    @property
    def range(self) -> str:
        """The allowed values, in words."""
        return expectation(self.schema)


class Checked(NamedTuple):
    """A validated dataclass, and the same as plain data."""

    config: Any
    values: dict[str, Any]


@cache
def parameters_of(config: type) -> dict[str, Parameter]:
    """The parameters of a dataclass by name, in the order of their declaration.

    Raises UserError if it is not a dataclass of plain types.
    """
    schema = _adapter(config).json_schema()
    required = schema.get("required", ())
    return {
        name: Parameter(name=name, schema=declared, required=name in required)
        for name, declared in schema.get("properties", {}).items()
    }


def documented(config: type) -> list[tuple[str, str, str, str]]:
    """Name, default, range and doc of every parameter, as text."""
    docs = field_docs(config)
    return [
        (name, parameter.default_text, parameter.range, docs.get(name, ""))
        for name, parameter in parameters_of(config).items()
    ]


def unknown(
    given: Mapping[str, Any], known: Mapping[str, Parameter], place: str, also: list[str]
) -> list[Finding]:
    """A finding for every key that is not a parameter, with a suggestion."""
    possible = [*known, *also]
    return [
        Finding(f"{place}.{key}", None, "unknown", suggestion(str(key), possible))
        for key in given
        if key not in possible
    ]


def check(config: type, given: Mapping[str, Any], place: str) -> Checked | list[Finding]:
    """The dataclass with these values, or all findings if they are invalid."""
    known = parameters_of(config)
    values = {name: readable(value, known[name]) for name, value in given.items() if name in known}
    large = [f for name, value in values.items() for f in _too_large(value, known[name], place)]
    try:
        valid = _adapter(config).validate_json(json.dumps(values, default=str), strict=True)
        plain = _adapter(config).dump_python(valid, mode="json")
        return large or Checked(parse(config, plain), plain)
    except ValidationError as error:
        wrong = [_finding(detail, known, place) for detail in error.errors(include_url=False)]
        found = [*large, *wrong]
        return list({repr(finding): finding for finding in found}.values())
    except UserError as error:
        return [Finding(place, f.value, f"{f.place}: {f.expected}", f.fix) for f in error.findings]


def parse(config: type, values: Mapping[str, Any]) -> Any:
    """The card's own dataclass from plain data, such as a row of the plan."""
    valid = _adapter(config).validate_json(json.dumps(values), strict=True)
    return config(**{name: getattr(valid, name) for name in parameters_of(config)})


def readable(value: Any, parameter: Parameter) -> Any:
    """``value``, as its parameter takes it: text such as 1e-3 as a number, a whole number as text.

    Labels of cells may be numbers; a fraction is not made text, which may differ from the file's.
    """
    if isinstance(value, list):
        return [readable(item, parameter) for item in value]
    types = _types(parameter.schema)
    if isinstance(value, int) and not isinstance(value, bool) and _is_text(types):
        return str(value)
    is_number = isinstance(value, str) and NUMBER.fullmatch(value)
    if not is_number or "string" in types:
        return value
    return int(float(value)) if float(value).is_integer() and "integer" in types else float(value)


def expectation(schema: Mapping[str, Any]) -> str:
    """The JSON schema of one value, in words."""
    if "anyOf" in schema:
        return " or ".join(expectation(branch) for branch in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum", [schema.get("const")])
        words = ", ".join('""' if choice == "" else str(choice) for choice in choices)
        return f"one of {words}" if len(choices) > 1 else words
    if schema.get("type") == "array":
        return f"a list, each {expectation(schema.get('items', {}))}"
    if schema.get("type") == "boolean":
        return "true or false"
    limits = [f"{sign} {_spelled(schema[key])}" for key, sign in BOUNDS.items() if key in schema]
    kind = KINDS.get(schema.get("type", ""), "a value")
    return " ".join([kind, " and ".join(limits)]).strip()


def _spelled(limit: float) -> str:
    return f"{limit:,}" if abs(limit) > LARGEST else f"{limit:g}"


@cache
def field_docs(config: type) -> dict[str, str]:
    """The string under each field of a dataclass, on one line; read from source, not imported.

    A field that a dataclass has of another, and redeclares without a string, keeps the other's.
    """
    docs: dict[str, str] = {}
    for one in reversed(config.__mro__):
        if is_dataclass(one):
            docs |= _own_docs(one)
    return docs


def _own_docs(config: type) -> dict[str, str]:
    body = ast.parse(dedent(getsource(config))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            docs[field.target.id] = " ".join(cleandoc(str(after.value.value)).split())
    return docs


@cache
def _adapter(config: type) -> TypeAdapter[Any]:
    settings = ConfigDict(extra="forbid", allow_inf_nan=False)
    try:
        if not is_dataclass(config):
            raise TypeError("it is not a dataclass")
        valid = checked_dataclass(config, frozen=True, kw_only=True, config=settings)
        adapter = TypeAdapter(valid)
        adapter.json_schema()
        return adapter
    except (TypeError, NameError, PydanticUserError) as error:
        expected = "parameters must be a frozen, keyword-only dataclass of plain types"
        reason = str(error).splitlines()[0]
        raise mistake(getattr(config, "__name__", "config"), None, expected, reason) from None


def _types(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types of a value at the top level, and of the items of a list."""
    branches = [schema, *schema.get("anyOf", ())]
    items = [branch["items"] for branch in branches if "items" in branch]
    return {branch["type"] for branch in [*branches, *items] if "type" in branch}


def _is_text(types: set[str]) -> bool:
    """Whether a parameter is text and cannot be a number."""
    return "string" in types and not types & {"integer", "number", "boolean"}


def _too_large(value: Any, parameter: Parameter, place: str) -> Iterator[Finding]:
    """A finding if a whole number, or one of a list, is larger than its limit."""
    name, most = parameter.name, largest(parameter.name)
    declared = any(key in parameter.schema for key in ("maximum", "exclusiveMaximum"))
    if "integer" in parameter.types and not declared:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int) and abs(one) > most:
                yield Finding(
                    f"{place}.{name}", one, f"expected a whole number of at most {most:,}"
                )


def _finding(detail: Any, known: Mapping[str, Parameter], place: str) -> Finding:
    if not detail["loc"]:
        return Finding(place, None, str(detail["msg"]).removeprefix("Value error, "))
    name = str(detail["loc"][0])
    parameter = known[name]
    if detail["type"] == "missing":
        return Finding(f"{place}.{name}", None, f"missing; expected {parameter.range}")
    fix = ""
    if isinstance(detail["input"], bool):
        fix = "YAML reads on, off, yes and no as true and false; put quotes around such a word"
    elif isinstance(detail["input"], float) and _is_text(parameter.types):
        fix = "YAML reads it as a number; put quotes around it"
    return Finding(f"{place}.{name}", detail["input"], f"expected {parameter.range}", fix)
