"""Kernels are compiled once, also when jobs start at the same time."""

import os
import subprocess
import sys
from pathlib import Path

from bench.parts.nn.kernels import compilation

ROOT = Path(__file__).parents[2]

JOB = """
import sys, time
from pathlib import Path
import numpy as np
from bench.parts.nn.kernels.entries import count_rows

folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / f"{name}.ready").touch()
while len(list(folder.glob("*.ready"))) < 2:
    time.sleep(0.001)
start = np.zeros(3, np.int64)
count_rows(np.eye(2, dtype=np.float32), start)
assert start.tolist() == [0, 1, 2]
stats = count_rows.compiled.stats
print(sum(stats.cache_misses.values()), sum(stats.cache_hits.values()))
"""


def test_two_jobs_with_an_empty_cache_compile_once(tmp_path):
    """One misses the cache and compiles; the other loads what the first has written."""
    cache = tmp_path / "cache"
    cache.mkdir()
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", JOB, str(tmp_path), name],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    outputs = sorted(job.communicate(timeout=120)[0].split() for job in jobs)
    assert [job.returncode for job in jobs] == [0, 0]
    assert outputs == [["0", "1"], ["1", "0"]]
    assert len(list(cache.rglob("*.nbc"))) == 1
    assert len(list(cache.rglob(compilation.LOCK))) == 1


def test_a_change_of_any_file_empties_the_cache(tmp_path):
    """numba itself looks at the file of the called function only."""
    kept, other = tmp_path / "rows.1.nbc", tmp_path / "rows.nbi"
    compilation.drop_outdated(tmp_path)
    for path in (kept, other):
        path.touch()
    compilation.drop_outdated(tmp_path)
    assert kept.exists()
    (tmp_path / "kernels.sha256").write_text("another version")
    compilation.drop_outdated(tmp_path)
    assert not kept.exists()
    assert not other.exists()
    assert (tmp_path / "kernels.sha256").read_text() == compilation.sources()


def test_without_a_folder_there_is_nothing_to_empty():
    compilation.drop_outdated(None)
    with compilation.locked(None):
        pass
