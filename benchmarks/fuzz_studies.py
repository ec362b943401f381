"""Mutated studies: each must end as a plan or as a message to the user, in time.

    python benchmarks/fuzz_studies.py 10000 1

mutates the studies of ``configs/`` as text and as trees, and prints how many ended in which way.
It prints the mutants that ended in another way, and exits with 1 if there are any.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.core.errors import UserError
from bench.core.time_limit import TooLong, time_limit
from bench.planning.plan import make_plan
from bench.planning.study import from_config
from bench.planning.yaml_file import read_yaml

CONFIGS = Path(__file__).parents[1] / "configs"

LIMIT = 60.0
"""Seconds of wall time for one study, on a machine that does other work as well."""

LARGE = frozenset({"norman_published"})
"""Studies of thousands of runs, which would take most of the time."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, 10**23, 0.5, -0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), "", " ", "all", "null", "nan", "yes", "1e999", "1e-3", "007"),
    *(
        "10_000",
        "2026-02-30",
        "~nouser123/x.h5ad",
        "~",
        "/",
        "/dev/zero",
        "../../none.py",
        "x.h5ad",
    ),
    *("x" * 5000, "x" * 5000 + ".py", "a/" * 3000 + "x.h5ad", "é", "\u202e", "control", "nbvae"),
    *([], {}, [[]], [{}], [None], {"a": None}, {None: 1}, {True: 1}, {0: {}}, {"variant": None}),
    *(["pvae", "nbvae"], [1, 2, 2], list(range(3000)), [[1, 2], [3]], {"low": 1, "high": 1}),
    *(
        {"low": 0, "high": 1e308, "log": True},
        {"low": "a"},
        {"path": "x.h5ad"},
        {"n_cells": 10**13},
    ),
)
"""What takes the place of a value."""

FRAGMENTS = (
    *("{", "}", "[", "]", ":", "- ", "? ", "\n", "\n  ", "\t", "#", "'", '"', "|", ">", "%", "@"),
    *("&a ", "*a", "<<: *a\n", "!!int ", "!!timestamp ", "!!binary ", "!!python/name:os ", "!x "),
    *(
        "\0",
        "\ufeff",
        "\x85",
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        "---\n",
        "...\n",
        "~",
        ".nan",
        "=",
        ",",
    ),
    *(
        "9" * 5000,
        "[" * 3000,
        "{a: " * 100,
        "- " * 200,
        "1:30",
        "0x1F",
        "1_000",
        "2026-02-30",
        "<<",
    ),
)
"""What is put into the text of a study."""


class Result(NamedTuple):
    """How one mutant ended: ``plan``, ``refused``, ``no finding``, ``too long``, ``traceback``."""

    kind: str
    seconds: float
    detail: str = ""


def mutants(number: int, seed: int) -> Iterator[str]:
    """The texts of so many mutated studies, one half mutated as text and the other as trees."""
    rng = random.Random(seed)
    texts = [p.read_text() for p in sorted(CONFIGS.glob("*.yaml")) if p.stem not in LARGE]
    trees = [yaml.safe_load(text) for text in texts]
    for n in range(number):
        which = rng.randrange(len(texts))
        yield _text(texts[which], rng) if n % 2 else _dumped(_tree(trees[which], trees, rng))


def outcome(text: str, folder: Path, limit: float = LIMIT) -> Result:
    """Read, check and plan a study as ``python -m bench check`` does."""
    start = time.perf_counter()
    try:
        with time_limit(limit):
            kind = _planned(text, folder / "mutant.yaml")
    except TooLong:
        return Result("too long", limit)
    except Exception:
        return Result("traceback", time.perf_counter() - start, traceback.format_exc())
    return Result(kind, time.perf_counter() - start)


def _planned(text: str, file: Path) -> str:
    file.write_text(text, encoding="utf8", errors="surrogatepass", newline="")
    try:
        config, twice = read_yaml(file)
        plan = make_plan(from_config(config, file.stem, twice), lambda path: "content")
    except UserError as error:
        str(error).encode("utf8")
        return "refused" if error.findings else "no finding"
    json.dumps(plan.as_data(), allow_nan=False)
    return "plan"


def _text(text: str, rng: random.Random) -> str:
    for _ in range(rng.choice((1, 1, 2, 5))):
        text = rng.choice(TEXT_MUTATIONS)(text, rng)
    return text


def _inserted(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(FRAGMENTS) + text[at:]


def _cut(text: str, rng: random.Random) -> str:
    start = rng.randrange(len(text) + 1)
    return text[:start] + text[start + rng.choice((1, 5, 50, len(text))) :]


def _changed(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return (
        text[:at]
        + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x2FFF))))
        + text[at + 1 :]
    )


def _lines(text: str, rng: random.Random) -> str:
    """A line is repeated, moved, or indented."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    line = rng.choice((lines[at], "  " + lines[at], lines[at].lstrip()))
    lines.insert(rng.randrange(len(lines) + 1), line)
    return "\n".join(lines)


TEXT_MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    *(_inserted, _cut, _changed, _lines),
)


def _tree(tree: Any, trees: list[Any], rng: random.Random) -> Any:
    tree = deepcopy(tree)
    for _ in range(rng.choice((1, 1, 2, 5))):
        places = list(_places(tree))
        if not places:
            return tree
        holder, key = rng.choice(places)
        _mutate(holder, key, trees, rng)
    return tree


def _mutate(holder: Any, key: Any, trees: list[Any], rng: random.Random) -> None:
    """Replace, remove, repeat or rename one value, or take one from another study."""
    action = rng.choice(("value", "value", "value", "remove", "list", "rename", "other"))
    if action == "value":
        holder[key] = deepcopy(rng.choice(VALUES))
    elif action == "remove":
        del holder[key]
    elif action == "list":
        holder[key] = [deepcopy(holder[key]) for _ in range(rng.choice((1, 2, 30)))]
    elif action == "rename" and isinstance(holder, dict):
        name = rng.choice([one for one in VALUES if not isinstance(one, list | dict)])
        holder[name] = holder.pop(key)
    else:
        other, name = rng.choice(list(_places(rng.choice(trees))))
        holder[key] = deepcopy(other[name])


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a tree, as its holder and its key."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def _dumped(tree: Any) -> str:
    return yaml.dump(tree, Dumper=_dumper(), allow_unicode=True, sort_keys=False)


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """Without aliases; numbers of any size."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain


def main() -> int:
    """Print how the mutants ended; 1 if any ended in another way than a plan or a message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int)
    parser.add_argument("seed", type=int)
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    slowest, bad = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for n, text in enumerate(mutants(options.number, options.seed)):
            found = outcome(text, Path(folder))
            kinds[found.kind] += 1
            slowest = max(slowest, found.seconds)
            if (n + 1) % 1000 == 0:
                print(f"{n + 1}: {dict(kinds)}", file=sys.stderr, flush=True)
            if found.kind not in ("plan", "refused"):
                bad += 1
                print(f"--- mutant {n}: {found.kind}\n{text[:2000]}\n{found.detail}", flush=True)
    print(f"{dict(kinds)}; the slowest took {slowest:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
