"""Writes the file of a new contribution from a template that runs without changes."""

import re
from pathlib import Path

from bench import catalogue
from bench.core.errors import mistake

SHELVES: dict[str, catalogue.Shelf] = {"variant": "models"}
"""The shelf of each kind of contribution; its template is ``_template.py``."""


def write_new(kind: str, name: str) -> Path:
    """Write ``<name>.py`` into the current folder; return its path.

    Raises UserError if the name is not a lower-case Python name, if a contribution on the shelf has
    it, or if the file already exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise mistake("name", name, "expected lower-case letters, digits and _", "as in my_vae")
    shelf = SHELVES[kind]
    if name in catalogue.names(shelf):
        reason = f"a {kind} with this name is already in bench/{shelf}"
        raise mistake("name", name, reason, f"choose another name, as in my_{name}")
    path = Path(f"{name}.py")
    if path.exists():
        raise mistake(str(path), None, "already exists", "choose another name, or remove it")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    text = (catalogue.ROOT / shelf / "_template.py").read_text(encoding="utf8")
    text = text.replace("TITLE", name.replace("_", " ")).replace("Template", class_name)
    path.write_text(text, encoding="utf8")
    return path
