"""Kills and damages at random: does the same command always come to the same scores?

    python benchmarks/reliability.py kills 50        # victims: group, Snakemake, job, child
    python benchmarks/reliability.py damages 200     # cuts, zeros and flipped bits in result files

Every trial works in a folder of its own making, types one command, is cut off at a random moment or
finds a random file damaged, types the same command again, and compares ``scores.csv`` to the byte
with that of a fresh folder.  Half of the kills are followed by an edit of the study.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMMAND = ["snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2", "--configfile", "mine.yaml"]
VICTIMS = ("group", "snakemake", "job", "child")
LONGEST = 14.0
"""Seconds after which a kill comes at the latest; a whole run takes about that long."""

STUDY = {
    "seeds": 2,
    "datasets": [{"plain": {"dataset": "gamma_poisson", "n_cells": 60, "n_genes": 12}}],
    "tasks": ["held_out_cells"],
    "training": {"max_epochs": 3, "batch_size": 16},
    "readouts": {"bounds": {"n_samples": 5}},
    "runs": {"nbvae": {"variant": "nbvae", "n_latent": 2, "n_hidden": 4}},
    "baselines": ["pca"],
    "metrics": ["elbo", "iwelbo"],
}
EDITS = [
    {},
    {"training": {"max_epochs": 2, "batch_size": 16}},
    {"tasks": [{"held_out_cells": {"test": 0.4}}]},
    {"datasets": [{"plain": {"dataset": "gamma_poisson", "n_cells": 50, "n_genes": 12}}]},
    {"readouts": {"bounds": {"n_samples": 4}}},
]


class Folder:
    """Where one study is typed again and again."""

    def __init__(self, place: Path) -> None:
        self.place, self.edit = place, 0
        self.write(0)

    def write(self, edit: int) -> None:
        self.edit = edit
        (self.place / "mine.yaml").write_text(yaml.safe_dump({**STUDY, **EDITS[edit]}))

    def begin(self) -> subprocess.Popen[bytes]:
        with (self.place / "log.txt").open("ab") as log:
            return subprocess.Popen(
                COMMAND, cwd=self.place, stdout=log, stderr=log, start_new_session=True
            )

    def run(self) -> int:
        return self.begin().wait()

    @property
    def scores(self) -> bytes:
        path = self.place / "results/mine/scores.csv"
        return path.read_bytes() if path.is_file() else b""

    def processes(self) -> list[psutil.Process]:
        found = []
        for one in psutil.process_iter():
            try:
                if one.cwd() == str(self.place) and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
            except psutil.Error:
                continue
        return found


def fresh(edit: int) -> bytes:
    """The scores of a folder in which nothing ever went wrong."""
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        folder.write(edit)
        assert folder.run() == 0, (folder.place / "log.txt").read_text()
        return folder.scores


def kill(folder: Folder, begun: subprocess.Popen[bytes], victim: str) -> bool:
    """Kill a victim; whether there was one."""
    if victim == "group":
        os.killpg(begun.pid, signal.SIGKILL)
        return True
    for one in folder.processes():
        try:
            line = " ".join(one.cmdline())
        except psutil.Error:
            continue
        is_child = "-m bench.jobs." in line
        is_job = not is_child and one.pid != begun.pid and ".snakemake/scripts" in line
        if {"snakemake": one.pid == begun.pid, "job": is_job, "child": is_child}[victim]:
            one.kill()
            return True
    return False


def kills(n: int, chance: random.Random, truth: list[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        while counts["kills"] < n:
            # From nothing, or from what the study was before its last edit.
            if chance.random() < 0.5:
                shutil.rmtree(folder.place / "results", ignore_errors=True)
            else:
                folder.write(chance.choice([e for e in range(len(EDITS)) if e != folder.edit]))
            begun, victim = folder.begin(), VICTIMS[counts["kills"] % len(VICTIMS)]
            time.sleep(chance.uniform(1.5, LONGEST))
            if begun.poll() is not None or not kill(folder, begun, victim):
                counts["too late"] += 1
                begun.wait()
            else:
                counts["kills"] += 1
                counts[f"killed: {victim}"] += 1
                begun.wait()
                psutil.wait_procs(folder.processes(), timeout=5)
                counts["orphans"] += len(folder.processes())
                if chance.random() < 0.5:
                    counts["edits after a kill"] += 1
                    folder.write(chance.randrange(len(EDITS)))
            counts["same command failed"] += folder.run() != 0
            if folder.scores != truth[folder.edit]:
                counts["other scores"] += 1
                print("DIFFERENT after", victim, folder.edit, flush=True)
            counts["left half-written"] += len(list(folder.place.rglob("*.part")))
            print(dict(counts), flush=True)
    return counts


def spoil(path: Path, chance: random.Random) -> str:
    """Damage a file; says how."""
    content = bytearray(path.read_bytes())
    how = chance.choice(["flip", "flip", "cut", "zero", "empty", "gone"]) if content else "gone"
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[: chance.randrange(len(content))])
    elif how == "zero":
        start = chance.randrange(len(content))
        stop = min(len(content), start + 4096)
        blank = bytes(stop - start)
        content[start:stop] = blank if content[start:stop] != blank else b"\1" * (stop - start)
        path.write_bytes(content)
    else:
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    return how


def damages(n: int, chance: random.Random, truth: list[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        assert folder.run() == 0
        files = [
            path
            for path in sorted((folder.place / "results/mine").rglob("*"))
            if path.is_file() and "logs" not in path.parts
        ]
        exact = {path: path.read_bytes() for path in files}
        while counts["damages"] < n:
            path = files[counts["damages"] % len(files)]
            how = spoil(path, chance)
            counts["damages"] += 1
            counts[f"damage: {how}"] += 1
            counts[f"file: {path.name if path.parent.name != 'search' else 'search'}"] += 1
            counts["same command failed"] += folder.run() != 0
            repaired = path.is_file() and sound(path, exact[path])
            counts["repaired"] += repaired
            if not repaired or folder.scores != truth[0]:
                counts["other scores or not repaired"] += 1
                print("NOT REPAIRED", path, how, flush=True)
            print(counts["damages"], path.relative_to(folder.place), how, flush=True)
    return counts


def sound(path: Path, before: bytes) -> bool:
    """Whether a file is what it was; seconds, memory and what is digested of these may differ."""
    if path.suffix in (".json", ".yaml", ".html", ".parquet") or path.name == "runs.csv":
        return len(path.read_bytes()) > len(before) / 2
    return path.read_bytes() == before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["kills", "damages"])
    parser.add_argument("n", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    needed = range(len(EDITS)) if options.what == "kills" else range(1)
    truth = [fresh(edit) for edit in needed]
    counts = {"kills": kills, "damages": damages}[options.what](options.n, chance, truth)
    for name, count in sorted(counts.items()):
        print(f"{count:6d}  {name}")
    bad = ("orphans", "other scores", "left half-written", "other scores or not repaired")
    return int(any(counts[name] for name in bad))


if __name__ == "__main__":
    sys.exit(main())
