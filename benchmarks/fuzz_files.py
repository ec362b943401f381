"""Damaged ``.h5ad`` files: is each read with its true counts, or refused with a message?

    python benchmarks/fuzz_files.py 1000 --seed 0

Every file is a copy of a good one with random damage: flipped bits, a cut, a block of zeros, or an
edit of its structure.  It prints how many were refused, how many had the counts of the good file,
and everything that must not happen: other counts without a message, an exception that is no
message to the user, and a file that takes longer than :data:`LONGEST` seconds of CPU time.

A value that an uncompressed file stores has no checksum, so bits are not flipped in these values.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.core.errors import UserError
from bench.data.h5ad import H5adConfig, load

LONGEST = 30.0
SHAPE = (80, 25)
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "csr": csr_matrix,
    "csc": csc_matrix,
    "dense": np.asarray,
}
ALLOWED = ("refused", "same counts")

Bytes = tuple[range, ...]


class Good:
    """An undamaged file."""

    def __init__(self, folder: Path, layout: str, compression: str | None) -> None:
        rng = np.random.default_rng(7)
        counts = rng.poisson(rng.gamma(1.0, 2.0, SHAPE[1]), SHAPE) + (np.arange(SHAPE[1]) == 0)
        self.path = folder / f"{layout}_{compression or 'plain'}.h5ad"
        obs = pd.DataFrame(
            {"batch": pd.Categorical(rng.choice(["a", "b", "c"], SHAPE[0])), "depth": 1.5},
            index=[f"cell_{i}" for i in range(SHAPE[0])],
        )
        cells = anndata.AnnData(LAYOUTS[layout](counts.astype(np.float32)), obs=obs)
        cells.layers["others"] = csr_matrix(counts)
        cells.obsm["place"] = rng.normal(size=(SHAPE[0], 2))
        cells.write_h5ad(self.path, compression=compression)
        self.content = self.path.read_bytes()
        self.counts = loaded(self.path)
        self.values = () if compression else _value_bytes(self.path)


def loaded(path: Path) -> np.ndarray:
    """The counts as the loader returns them."""
    return load(H5adConfig(path=str(path), batch="batch"), {}).counts.toarray()


def _value_bytes(path: Path) -> Bytes:
    """Where the file has the entries of the matrix."""
    with h5py.File(path, "r") as file:
        parts = [file["X"]] if isinstance(file["X"], h5py.Dataset) else list(file["X"].values())
        return tuple(range(start, start + size) for part in parts for start, size in _blocks(part))


def _blocks(part: Any) -> list[tuple[int, int]]:
    """Start and size of every block of a dataset."""
    if part.chunks is None:
        return [(part.id.get_offset(), part.id.get_storage_size())]
    found: list[Any] = []
    part.id.chunk_iter(found.append)
    return [(info.byte_offset, info.size) for info in found]


def flip_bits(good: Good, path: Path, rng: random.Random) -> str:
    """One to fifty flipped bits."""
    content = bytearray(good.content)
    for _ in range(rng.choice([1, 1, 1, 5, 50])):
        at = rng.randrange(len(content))
        if not any(at in values for values in good.values):
            content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return "flipped bits"


def cut(good: Good, path: Path, rng: random.Random) -> str:
    """The beginning of a file."""
    path.write_bytes(good.content[: rng.randrange(len(good.content))])
    return "cut"


def zero_block(good: Good, path: Path, rng: random.Random) -> str:
    """A block of zeros, as after a crash of a file system."""
    content, size = bytearray(good.content), rng.choice([64, 512, 4096])
    start = rng.randrange(len(content))
    for at in range(start, min(len(content), start + size)):
        if not any(at in values for values in good.values):
            content[at] = 0
    path.write_bytes(content)
    return "zeros"


def edit_structure(good: Good, path: Path, rng: random.Random) -> str:
    """One edit that leaves a valid HDF5 file."""
    path.write_bytes(good.content)
    with h5py.File(path, "r+") as file:
        edits = [_edit_attribute, _edit_length, _edit_codes, _delete]
        sparse = isinstance(file["X"], h5py.Group)
        rng.choice([*edits, *([_edit_number] * 4 if sparse else [])])(file, rng)
    return "edited structure"


def _edit_number(file: Any, rng: random.Random) -> None:
    part = file["X"][rng.choice(["indices", "indptr"])]
    far = [-1, 2**30, -(2**30), 100_000, SHAPE[0], SHAPE[1] + SHAPE[0], 0]
    at = rng.randrange(len(part))
    part[at] = rng.choice(far if part.name.endswith("indptr") else far[:-1])


def _edit_attribute(file: Any, rng: random.Random) -> None:
    names = ["X", "obs", "var", "obs/batch", "layers/others"]
    item = file[rng.choice(names)]
    item.attrs[rng.choice(["encoding-type", "encoding-version"])] = rng.choice(
        ["csr_matrix", "csc_matrix", "array", "categorical", "points-of-2030", ""]
    )
    if rng.random() < 0.5 and "shape" in item.attrs:
        item.attrs["shape"] = rng.choice([(25, 80), (80, 26), (81, 25), (2**40, 25), (-1, 25)])


def _edit_length(file: Any, rng: random.Random) -> None:
    names = ["X", "X/data", "X/indices", "X/indptr", "obs/batch/codes", "obs/_index", "var/_index"]
    name = rng.choice([n for n in names if isinstance(file.get(n), h5py.Dataset)])
    values, attributes = file[name][()], dict(file[name].attrs)
    del file[name]
    file[name] = rng.choice([values[:-1], np.concatenate([values, values[:1]]), values[:0]])
    file[name].attrs.update(attributes)


def _edit_codes(file: Any, rng: random.Random) -> None:
    codes = file["obs/batch/codes"]
    codes[rng.randrange(len(codes))] = rng.choice([-1, -2, 3, 100])


def _delete(file: Any, rng: random.Random) -> None:
    names = ["X", "obs", "var", "obs/batch", "obs/batch/codes", "obs/_index", "layers", "uns"]
    names += [f"X/{name}" for name in ("data", "indices", "indptr")]
    del file[rng.choice([name for name in names if name in file])]


DAMAGES = (flip_bits, flip_bits, cut, zero_block, edit_structure, edit_structure)


def good_files(folder: Path) -> list[Good]:
    """Every layout, compressed and not."""
    return [Good(folder, layout, kind) for layout in LAYOUTS for kind in (None, "gzip")]


def outcome(good: Good, path: Path) -> str:
    """What reading the damaged file leads to."""
    started = cpu_seconds()
    try:
        result = "same counts" if np.array_equal(loaded(path), good.counts) else "OTHER COUNTS"
    except UserError as error:
        result = "refused" if "crashes" not in str(error) else "refused after a crash of HDF5"
        result = "refused after its time limit" if "does not end" in str(error) else result
    except Exception as error:
        result = f"EXCEPTION {type(error).__name__}: {error}"[:100]
    return result if cpu_seconds() - started < LONGEST else f"TOO LONG, {result}"


def cpu_seconds() -> float:
    """The CPU time of this process and of the processes that read."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def tried(goods: list[Good], number: int, seed: int, folder: Path) -> tuple[str, str]:
    """The kind of damage of one file, and what reading it leads to."""
    rng = random.Random(f"{seed}/{number}")
    good, path = rng.choice(goods), folder / "damaged.h5ad"
    kind = rng.choice(DAMAGES)(good, path, rng)
    return kind, outcome(good, path)


def main() -> None:
    """Damage files, and print the table of outcomes."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("files", type=int)
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    counted: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        goods = good_files(Path(name))
        for number in range(given.files):
            kind, result = tried(goods, number, given.seed, Path(name))
            counted[kind, result] += 1
            if result[:7].isupper() or "crash" in result or "limit" in result:
                print(f"file {number}: {kind}: {result}", flush=True)
    table = pd.Series(counted).unstack(fill_value=0).astype(int)
    print(table.T.to_string())
    wrong = sum(n for (_, result), n in counted.items() if not result.startswith(ALLOWED))
    print(f"{given.files:,} files, {wrong} that must not happen")
    sys.exit(min(wrong, 1))


if __name__ == "__main__":
    main()
