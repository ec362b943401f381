"""One function per rule of the workflow; the only place where everything meets.

Imports stand inside the functions: a job loads what it uses, and its digest follows these imports
(``bench.fingerprint``).  Work that may fail runs in a child (``bench.supervision``): its function
is named ``..._here`` and stands below its supervisor.  Parameters were validated with the plan.
"""

import json
import sys
from pathlib import Path
from typing import Any

from bench.supervision import told

Run = dict[str, Any]
"""A row of the plan, see ``bench.plan``."""


@told
def fetch(dataset: dict[str, Any], done: str) -> None:
    """Download and verify the remote files of a dataset, beside ``done``."""
    from bench.catalogue import card
    from bench.core.files import write_json
    from bench.data._download import fetch as download

    files = download(card("data", dataset["dataset"]).sources, Path(done).parent)
    write_json(Path(done), {name: str(path) for name, path in files.items()})


@told
def prepare(dataset: dict[str, Any], fetched: str | None, cells: str) -> None:
    """Load a dataset, clean it, and write it in the one format all tasks read."""
    from bench.catalogue import card
    from bench.core.files import read_json
    from bench.data._cleaning import tidied
    from bench.data._store import write

    entry = card("data", dataset["dataset"])
    files = {name: Path(path) for name, path in read_json(Path(fetched)).items()} if fetched else {}
    data = entry.load(entry.config(**dataset["config"]), files)
    write(tidied(data, dataset["dataset"]), Path(cells))


@told
def pose(task: dict[str, Any], split: int, dataset: str, cells: str, problem: str) -> None:
    """Pose a task on a dataset: the split file that every competitor shares."""
    from bench.catalogue import card
    from bench.core.problem import save
    from bench.core.seeds import numpy_generator
    from bench.data._store import read

    entry = card("tasks", task["task"])
    generator = numpy_generator("split", dataset, task["task"], split)
    config = entry.config(**task["config"])
    save(entry.pose(read(Path(cells)), config, split, generator), Path(problem))


def train(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Train all seeds of a variant; leave a record whatever happens."""
    from bench.core.files import read_json, write_json
    from bench.supervision import begin, supervised, touch_missing

    place = begin(Path(status).parent, run, ("trained.json", "states.pt", "curve.parquet"))
    arguments = {"run": run, "problem": problem, "folder": str(place), "threads": threads}
    outcome = supervised("train_here", arguments, log=log, threads=threads, minutes=minutes)
    result = read_json(place / "trained.json") if outcome.status == "ok" else {}
    touch_missing(place, ("states.pt", "curve.parquet"))
    write_json(place / "status.json", {"costs": {}, "seeds": {}} | result | outcome.as_dict())


def train_here(run: Run, problem: str, folder: str, threads: int) -> None:
    """Train all seeds of a variant in this process."""
    from bench.catalogue import card
    from bench.core.problem import load
    from bench.training.config import TrainingConfig
    from bench.training.loop import train as train_stack
    from bench.training.progress import progress
    from bench.training.records import trained
    from bench.training.session import session

    variant, config = card("models", run["file"]), TrainingConfig(**run["training"])
    hyperparameters = variant.config(**run["config"])
    label = f"{run['dataset']} {run['task']} {run['run']}"
    epochs = config.pretrain_epochs + config.max_epochs
    with session(config.precision, threads) as device, progress(label, epochs) as tell:
        posed = load(Path(problem))
        result = train_stack(posed, variant, hyperparameters, config, run["seeds"], device, tell)
        trained(Path(folder), result, device)


def read_out(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Ask every readout of every trained seed; leave a record whatever happens."""
    _read_out("read_out_here", run, problem, status, log, threads, minutes)


def read_out_here(run: Run, problem: str, folder: str, threads: int) -> None:
    """Ask every readout of every trained seed in this process."""
    from bench.core.problem import load
    from bench.readouts._store import write

    arrays = _arrays(run, load(Path(problem)), run["readouts"], Path(folder), threads)
    write(Path(folder) / "readouts.npz", arrays)


def read_out_trial(
    run: Run,
    problem: str,
    status: str,
    validation: str,
    log: str | None,
    threads: int,
    minutes: float,
) -> None:
    """Read out a trial as any run, and what its search may select by; leave both records."""
    from bench.core.files import write_json
    from bench.search.validation import record

    (Path(status).parent / "validated.json").unlink(missing_ok=True)
    outcome = _read_out("read_out_trial_here", run, problem, status, log, threads, minutes)
    write_json(Path(validation), record(Path(status).parent, run["seeds"], outcome.as_dict()))


def read_out_trial_here(run: Run, problem: str, folder: str, threads: int) -> None:
    """Score a trial on the cells a search may select by, then read it out, in this process."""
    from bench.catalogue import card
    from bench.core.problem import for_selection, load
    from bench.search.validation import validate

    metric, readouts = run["selects_by"]["metric"], run["selects_by"]["readouts"]
    seen = for_selection(load(Path(problem)))
    arrays = _arrays(run, seen, readouts, Path(folder), threads)
    validate(Path(folder), card("metrics", metric), arrays, seen)
    read_out_here(run, problem, folder, threads)


def _read_out(
    child: str, run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> Any:
    from bench.core.files import write_json
    from bench.supervision import Outcome, supervised, touch_missing

    place, outcome = Path(status).parent, Outcome(status="ok")
    (place / "readouts.npz").unlink(missing_ok=True)
    if (place / "states.pt").stat().st_size:
        arguments = {"run": run, "problem": problem, "folder": str(place), "threads": threads}
        outcome = supervised(child, arguments, log=log, threads=threads, minutes=minutes)
    touch_missing(place, ("readouts.npz",))
    write_json(place / "readouts.json", {"seeds": {}} | outcome.as_dict())
    return outcome


def _arrays(run: Run, posed: Any, readouts: Run, place: Path, threads: int) -> Any:
    """The arrays of these readouts, by seed."""
    import torch

    from bench.catalogue import card
    from bench.training.reading_out import read_out as ask
    from bench.training.session import session

    variant, asked = card("models", run["file"]), _asked(readouts)
    states = torch.load(place / "states.pt")
    with session(run["training"]["precision"], threads) as device:
        return ask(posed, variant, variant.config(**run["config"]), states, asked, device)


def _asked(readouts: Run) -> dict[str, Any]:
    """Readouts by name, each with its config."""
    from bench.catalogue import card

    cards = {name: card("readouts", name) for name in readouts}
    return {name: (one, one.config(**readouts[name])) for name, one in cards.items()}


def fit_baseline(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Fit a baseline for every seed and read it out; leave a record whatever happens."""
    from bench.core.files import read_json, write_json
    from bench.supervision import begin, supervised, touch_missing

    place = begin(Path(status).parent, run, ("trained.json", "readouts.npz"))
    arguments = {"run": run, "problem": problem, "folder": str(place)}
    outcome = supervised("fit_baseline_here", arguments, log=log, threads=threads, minutes=minutes)
    result = read_json(place / "trained.json") if outcome.status == "ok" else {}
    touch_missing(place, ("readouts.npz",))
    write_json(place / "status.json", {"costs": {}, "seeds": {}} | result | outcome.as_dict())
    write_json(place / "readouts.json", {"seeds": {}} | outcome.as_dict())


def fit_baseline_here(run: Run, problem: str, folder: str) -> None:
    """Fit a baseline for every seed, a deterministic one only once, in this process."""
    from bench.catalogue import card
    from bench.core.problem import load
    from bench.fitting import fit

    baseline, asked = card("baselines", run["file"]), _asked(run["readouts"])
    config = baseline.config(**run["config"])
    fit(Path(folder), load(Path(problem)), baseline, config, asked, run["seeds"])


@told
def score(run: Run, problem: str, scores: str) -> None:
    """Score every seed that was read out; a metric that fails is a record, not a hole."""
    from bench.scoring import write_scores

    write_scores(run, Path(problem), Path(scores))


@told
def project(problem: str, cells: str, projection: str) -> None:
    """Two dimensions of the latent of the first seed; an empty file where it was not read out."""
    from bench.projecting import write_projection

    write_projection(Path(problem), Path(cells), Path(projection))


@told
def tabulate_treatments(treatments: str) -> None:
    """Which latents every treatment moves; an empty file where it was not read out."""
    from bench.tabulating import write_treatments

    write_treatments(Path(treatments))


@told
def score_perturbations(problem: str, scores: str) -> None:
    """How well each effect is predicted; an empty file where none was read out."""
    from bench.tabulating import write_perturbation_scores

    write_perturbation_scores(Path(problem), Path(scores))


@told
def propose(search: Run, round: int, numbers: list[int], splits: int, made: str) -> None:
    """The trials of a round, from what all trials before it came to on validation."""
    from bench.core.files import write_json
    from bench.search import outcomes, proposals

    earlier = outcomes.outcomes(Path(made).parents[4], search, range(1, round), splits)
    write_json(Path(made), proposals.propose(search, round, numbers, earlier))


@told
def conclude(search: Run, splits: int, trials: str) -> None:
    """What all trials of a search came to, and which one is selected."""
    from bench.core.files import write_json
    from bench.search.outcomes import outcomes, table
    from bench.search.trials import rounds

    found = outcomes(Path(trials).parents[4], search, rounds(search), splits)
    write_json(Path(trials), table(search, found))


@told
def gather(plan: str, scores: str, root: str) -> None:
    """All tables of a study, from the records of its runs."""
    from bench.gathering import write_tables

    write_tables(Path(plan), Path(scores).parent, Path(root))


@told
def report(page: str, drawn: list[str]) -> None:
    """The page that answers the study's question."""
    from bench.reports.page import render

    render(Path(page).parent, Path(page), [Path(path) for path in drawn])


@told
def mirror(tracker: dict[str, Any], written: str) -> None:
    """What a finished study holds, in a tool in which people follow experiments."""
    from bench.catalogue import card
    from bench.core.files import write_json

    entry, own = card("trackers", tracker["tracker"]), Path(written).with_suffix("")
    record = entry.mirror(own.parent.parent, own, entry.config(**tracker["config"]))
    write_json(Path(written), record)


@told
def judge(verdict: str) -> None:
    """The end of a strict study: an error that lists every run that did not go well."""
    from bench.core.files import write_text
    from bench.reports.verdict import judged

    write_text(Path(verdict), judged(Path(verdict).with_name("runs.csv")))


def main(function: str, arguments: str) -> None:
    """Run one function in this process: the child's side of ``bench.supervision``."""
    globals()[function](**json.loads(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
