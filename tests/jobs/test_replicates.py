"""What a stage of a run keeps, makes, and takes over, replicate by replicate."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.files import write_json
from bench.jobs import replicates
from bench.jobs.isolation import Limits, MachineFault
from bench.jobs.replicates import Order, Stage, carry_out, summary
from bench.jobs.sources import Sources
from bench.planning.fingerprint import code_of
from bench.results.layout import RESULT, seed_folder
from bench.results.records import read_record
from bench.results.settings import read_settings

HERE = Limits(log=None, threads=1, minutes=1.0)


class Work:
    """Writes a file per seed; remembers who was made together."""

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.before: Callable[[Path], None] = lambda folder: None
        self.bad: set[int] = set()

    def __call__(self, folder: Path) -> None:
        seeds = read_settings(folder)["seeds"]
        self.before(folder)
        self.made.append(seeds)
        for seed in seeds:
            own = seed_folder(folder, seed)
            own.mkdir()
            result: dict[str, Any] = {"status": "ok", "costs": {"stack": seeds}}
            if seed in self.bad:
                result = {"status": "diverged", "reason": "NaN", "costs": {"stack": seeds}}
            else:
                (own / "w").write_text(f"{seed} of {seeds}")
            write_json(own / RESULT, result)


@pytest.fixture
def work() -> Work:
    return Work()


def stage(work: Work, stacked: bool = True) -> Stage:
    return Stage(job="train", work=work, record="made.json", files=("w",), stacked=stacked)


def order(*seeds: int, key: str = "k", problem: str = "p") -> Order:
    inputs = {seed: {"problem": problem} for seed in seeds}
    return Order(settings={"run": "r"}, key=key, inputs=inputs, sources=sources_of())


def sources_of(*files: Path) -> Sources:
    """The sources of training a variant of the user's in these files, as planned now."""
    return Sources("train", files, code_of("train", *files))


def test_what_is_there_is_kept_and_the_rest_is_made(tmp_path: Path, work: Work) -> None:
    first = carry_out(stage(work), tmp_path, order(0, 1), HERE)
    assert carry_out(stage(work), tmp_path, order(0, 1, 2), HERE).keys() == {0, 1, 2}
    assert work.made == [[0, 1], [2]]
    assert carry_out(stage(work), tmp_path, order(1, 0), HERE) == first
    assert len(work.made) == 2


@pytest.mark.parametrize("changed", [{"key": "other"}, {"problem": "other"}])
def test_what_was_made_from_something_else_is_made_again(
    tmp_path: Path, work: Work, changed: dict[str, str]
) -> None:
    carry_out(stage(work), tmp_path, order(0, 1), HERE)
    carry_out(stage(work), tmp_path, order(0, 1, **changed), HERE)
    assert work.made == [[0, 1], [0, 1]]


@pytest.mark.parametrize("name", ["w", "made.json"])
@pytest.mark.parametrize("content", [b"", b"0 of [0, 2]"])
def test_what_is_damaged_is_made_again_with_its_stack(
    tmp_path: Path, work: Work, name: str, content: bytes
) -> None:
    """To the bit: rounding may depend on who was trained beside it."""
    carry_out(stage(work), tmp_path, order(0, 1), HERE)
    carry_out(stage(work), tmp_path, order(0, 1, 2), HERE)
    (seed_folder(tmp_path, 0) / name).write_bytes(content)
    carry_out(stage(work), tmp_path, order(0, 1, 2, 3), HERE)
    assert work.made == [[0, 1], [2], [0, 1], [3]]
    assert (seed_folder(tmp_path, 0) / "w").read_text() == "0 of [0, 1]"


def test_one_that_is_not_wanted_any_more_is_made_again_for_the_other(
    tmp_path: Path, work: Work
) -> None:
    carry_out(stage(work), tmp_path, order(0, 1, 2), HERE)
    (seed_folder(tmp_path, 0) / "w").unlink()
    assert carry_out(stage(work), tmp_path, order(0, 1), HERE).keys() == {0, 1}
    assert work.made == [[0, 1, 2]] * 2


def test_what_is_made_apart_is_made_again_apart(tmp_path: Path, work: Work) -> None:
    apart = stage(work, stacked=False)
    carry_out(apart, tmp_path, order(0, 1), HERE)
    (seed_folder(tmp_path, 0) / "w").unlink()
    carry_out(apart, tmp_path, order(0, 1), HERE)
    assert work.made == [[0, 1], [0]]


def test_a_failed_replicate_is_a_record_and_leaves_no_old_file(tmp_path: Path, work: Work) -> None:
    carry_out(stage(work), tmp_path, order(0, 1), HERE)
    work.bad = {1}
    records = carry_out(stage(work), tmp_path, order(0, 1, key="new"), HERE)
    assert [records[seed]["status"] for seed in (0, 1)] == ["ok", "diverged"]
    assert not (seed_folder(tmp_path, 1) / "w").exists()
    said = summary(tmp_path, stage(work), records)
    assert said["seeds"]["1"]["reason"] == "NaN"
    assert set(said["files"]) == {"seed-0/made.json", "seed-0/w", "seed-1/made.json"}
    # It is final: the same work is not tried again.
    carry_out(stage(work), tmp_path, order(0, 1, key="new"), HERE)
    assert len(work.made) == 2


@pytest.mark.parametrize("files", [("w",), ()])
def test_a_good_end_without_results_is_a_failure(tmp_path: Path, files: tuple[str, ...]) -> None:
    """Also of a stage that leaves no file but what it says, as scoring."""

    def nothing(folder: Path) -> None:
        return

    empty = Stage(job="train", work=nothing, record="made.json", files=files)
    records = carry_out(empty, tmp_path, order(0), HERE)
    assert records[0]["status"] == "failed"
    assert records[0]["reason"] == "the process ended with exit code 0 but wrote no result"


def test_what_was_cut_off_leaves_no_record(tmp_path: Path, work: Work) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    work.before = full
    with pytest.raises(MachineFault, match="No space"):
        carry_out(stage(work), tmp_path, order(0), HERE)
    assert not list(tmp_path.iterdir())


def test_an_attempt_that_a_later_one_outdated_changes_nothing(tmp_path: Path, work: Work) -> None:
    """As a training that outlived its Snakemake, beside the next one in the same folder (R2)."""
    newer = Work()

    def overtaken(folder: Path) -> None:
        carry_out(stage(newer), tmp_path, order(0, key="new"), HERE)
        # It does not know, and writes on.
        folder.mkdir(exist_ok=True)

    work.before = overtaken
    with pytest.raises(MachineFault):
        carry_out(stage(work), tmp_path, order(0, key="old"), HERE)
    assert read_record(seed_folder(tmp_path, 0) / "made.json")["key"] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed-0"]


def test_half_of_a_takeover_is_no_result(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two files: the record comes last."""
    carry_out(stage(work), tmp_path, order(0), HERE)
    moved = []

    def killed(self: Path, target: Path) -> None:
        moved.append(target.name)
        if target.name == "made.json" and target.parent.parent == tmp_path:
            raise KeyboardInterrupt
        shutil.move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(replicates.Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(stage(work), tmp_path, order(0, key="new"), HERE)
    assert moved[-2:] == ["w", "made.json"]
    carry_out(stage(work), tmp_path, order(0), HERE)
    assert len(work.made) == 3


@pytest.mark.parametrize("taken_back", [False, True])
def test_what_other_sources_made_is_not_taken_over(
    tmp_path: Path, work: Work, taken_back: bool
) -> None:
    """A model edited while it trains, or between the plan and its training."""
    mine = tmp_path / "mine.py"
    mine.write_text("import beside\n")
    (tmp_path / "beside.py").write_text("RATE = 1\n")
    wanted = replace(order(0), sources=sources_of(mine))

    def edited(folder: Path) -> None:
        (tmp_path / "beside.py").write_text("RATE = 2\n")
        if taken_back:
            (tmp_path / "beside.py").write_text("RATE = 1\n")
            os.utime(tmp_path / "beside.py", (1e9, 1e9))

    work.before = edited
    for _ in range(1 if taken_back else 2):
        with pytest.raises(UserError, match="was edited while"):
            carry_out(stage(work), tmp_path, wanted, HERE)
    assert len(work.made) == 1
    assert not (seed_folder(tmp_path, 0) / "made.json").exists()
