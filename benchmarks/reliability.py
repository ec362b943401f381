"""Kills and damages at random: does the same command always come to the same scores?

    python benchmarks/reliability.py kills 50        # victims: group, Snakemake, job, child
    python benchmarks/reliability.py damages 200     # cuts, zeros and flipped bits in result files

Every trial types one command in a folder of its own, is cut off at a random moment or finds random
files damaged, types the same command again, and compares ``scores.csv`` to the byte with that of a
fresh folder.  Half of the kills are followed by an edit of the study.
"""

import argparse
import json
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

import pandas as pd
import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMMAND = ["snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2", "--configfile", "mine.yaml"]
VICTIMS = ("group", "snakemake", "job", "child")
AT_ONCE = 4
"""Files that are damaged before the command is typed again."""
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


def spoil(path: Path, chance: random.Random, counts: Counter[str]) -> bytes:
    """Damage a file; its content then, empty where there is no file any more."""
    content = bytearray(path.read_bytes())
    how = chance.choice(["bit", "bit", "cut", "zeros", "empty", "gone"]) if content else "gone"
    counts[f"damage: {how}"] += 1
    counts[f"file: {path.name}"] += 1
    start = chance.randrange(len(content) or 1)
    if how == "gone":
        path.unlink()
        return b""
    if how == "bit":
        content[start] ^= 1 << chance.randrange(8)
    elif how == "zeros":
        stop = min(len(content), start + 4096)
        blank = bytes(stop - start)
        content[start:stop] = blank if content[start:stop] != blank else b"\1" * len(blank)
    else:
        del content[start if how == "cut" else 0 :]
    path.write_bytes(content)
    return bytes(content)


def damages(n: int, chance: random.Random, truth: list[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        assert folder.run() == 0
        files = result_files(folder)
        exact = {path: path.read_bytes() for path in files}
        turn: list[Path] = []
        while counts["damages"] < n:
            turn = turn or chance.sample(files, len(files))
            some = [turn.pop() for _ in range(min(AT_ONCE, len(turn), n - counts["damages"]))]
            spoilt = {path: spoil(path, chance, counts) for path in some}
            counts["same command failed"] += folder.run() != 0
            for path, content in spoilt.items():
                counts["damages"] += 1
                repaired = path.is_file() and sound(path, exact[path], content)
                counts["repaired"] += repaired
                if not repaired:
                    print("NOT REPAIRED", path, flush=True)
            counts["other scores"] += folder.scores != truth[0]
            print(dict(counts), flush=True)
    return counts


def result_files(folder: Folder) -> list[Path]:
    """All that a study's folder holds, but for what jobs printed."""
    below = sorted((folder.place / "results/mine").rglob("*"))
    return [path for path in below if path.is_file() and "logs" not in path.parts]


def sound(path: Path, before: bytes, spoilt: bytes) -> bool:
    """Whether a file was made again.

    What holds seconds or times is never made the same twice: there it must be readable and must
    hold as many lines.
    """
    content = path.read_bytes()
    if content == before:
        return True
    if content == spoilt or path.suffix in (".csv", ".npz", ".safetensors", ".h5ad"):
        return content != spoilt and path.name == "runs.csv"
    if path.suffix == ".json":
        return json.loads(content).keys() == json.loads(before).keys()
    if path.suffix == ".parquet":
        return len(pd.read_parquet(path)) > 0
    return content.count(b"\n") == before.count(b"\n")


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
    bad = ("orphans", "other scores", "left half-written", "same command failed")
    return int(any(counts[name] for name in bad) or counts["repaired"] != counts["damages"])


if __name__ == "__main__":
    sys.exit(main())
