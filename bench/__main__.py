"""The command line: ``python -m bench COMMAND``; ``--help`` lists the commands.

Use Snakemake for everything else.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from bench import catalogue
from bench.catalogue import Shelf
from bench.core.errors import UserError, listed, mistake, suggestion
from bench.core.skipped import grouped_skips
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.search.trials import rounds

HEADINGS: dict[Shelf, str] = {
    "data": "Datasets",
    "tasks": "Tasks",
    "models": "Variants",
    "baselines": "Baselines",
    "readouts": "Readouts",
    "metrics": "Metrics",
    "trackers": "Trackers",
    "page_files": "Tables of single runs for the report",
    "reports": "Sections of the report",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 2 for an error of the user, 1 for a failed run, else 0."""
    options = _parser().parse_args(arguments)
    try:
        for line in options.command(options):
            print(line)
    except RunFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader closed the pipe (`| head`); Python must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class RunFailed(Exception):
    """A run in the foreground failed."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(
        required=True, metavar="list | check | run | report | new | check-model"
    )
    listing = commands.add_parser(
        "list", help="list contributions with requirements and parameters"
    )
    listing.add_argument("shelf", nargs="?", choices=get_args(Shelf), help="only this shelf")
    listing.set_defaults(command=_list)
    check = commands.add_parser("check", help="validate a study and print its plan")
    check.add_argument("study", type=Path, help="for instance configs/default.yaml")
    check.set_defaults(command=_check)
    run = commands.add_parser(
        "run", help="run one run or baseline in the foreground, without Snakemake"
    )
    run.add_argument("study", type=Path)
    run.add_argument("label", help="label of a run or baseline, as printed by `check`")
    run.set_defaults(command=_run)
    report = commands.add_parser("report", help="write a report of the finished results")
    report.add_argument("study", type=Path)
    report.set_defaults(command=_report)
    new = commands.add_parser("new", help="write a template file for your own contribution")
    new.add_argument("kind", choices=["variant"])
    new.add_argument("name", help="name of the file without .py, for instance my_vae")
    new.set_defaults(command=_new)
    model = commands.add_parser("check-model", help="test a variant on one minibatch")
    model.add_argument("file", help="path of a variant's file, or name of a variant")
    model.set_defaults(command=_check_model)
    return parser


def _list(options: argparse.Namespace) -> Iterator[str]:
    for shelf in get_args(Shelf):
        if options.shelf in (None, shelf):
            yield f"{HEADINGS[shelf]} (bench/{shelf})"
            for name in catalogue.metric_names() if shelf == "metrics" else catalogue.names(shelf):
                yield from _entry(shelf, name)
            yield ""


def _entry(shelf: Shelf, name: str) -> Iterator[str]:
    """One card: its label, what it needs and can, its parameters."""
    from bench.planning.parameters import documented

    card: Any = catalogue.metric(name) if shelf == "metrics" else catalogue.card(shelf, name)
    yield f"  {name}: {card.title if shelf == 'reports' else card.label}"
    for fact in ("needs", "provides", "on_request", "must_read", "readouts", "can", "of", "arrays"):
        if values := getattr(card, fact, None):
            words = [values] if isinstance(values, str) else sorted(values)
            yield f"    {fact.replace('_', ' ')}: {', '.join(words)}"
    if hasattr(card, "better"):
        yield f"    {card.better} is better; {card.unit}"
    yield from aligned(documented(card.config) if hasattr(card, "config") else [], indent=6)


def _check(options: argparse.Namespace) -> Iterator[str]:
    from bench.planning.descriptions import Descriptions
    from bench.planning.idle_settings import idle_settings
    from bench.planning.inspection import costs, descriptions, inspection
    from bench.planning.study import load_study

    study, described = load_study(options.study), Descriptions()
    plan = make_plan(study, described=described)
    found = descriptions(plan, described)
    yield f"{plan.name}{': ' + plan.title if plan.title else ''}"
    yield f"{_counted(plan)}; about {job_count(plan)} jobs"
    yield costs(plan, found)
    yield from inspection(plan, found)
    yield from _runs(plan)
    yield from _searches(plan)
    runs = [*plan.runs, *(row["template"] for row in plan.searches)]
    for task in plan.tasks:
        used = {name for row in runs if row["task"] == task for name in row["metrics"]}
        yield f"  metrics of {task}: {', '.join(sorted(plan.metrics[n]['metric'] for n in used))}"
    yield from (f"  warning: {line}" for line in idle_settings(study))
    yield from _skipped(plan)


def _counted(plan: Plan) -> str:
    counts = {
        "run": len({row["run"] for row in plan.runs}),
        "dataset": len(plan.datasets),
        "task": len(plan.tasks),
        "split": plan.splits,
        "seed": len(plan.seeds),
    }
    return " × ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())


def _runs(plan: Plan) -> Iterator[str]:
    """A line for each run: label, model, number of combinations of dataset, task and split."""
    counts = Counter(row["run"] for row in plan.runs)
    first = {row["run"]: row for row in reversed(plan.runs)}
    rows = []
    for label in dict.fromkeys(row["run"] for row in plan.runs):
        row = first[label]
        kind = "variant" if row["shelf"] == "models" else row["role"]
        rows.append((label, f"{kind} {row['model']}", f"{counts[label]} times"))
    yield from aligned(rows, indent=2)


def _searches(plan: Plan) -> Iterator[str]:
    """A line for each search: number of trials, variant, selection metric, number of searches."""
    counts = Counter(row["search"] for row in plan.searches)
    rows = {
        row["search"]: (
            f"search {row['search']}",
            f"{row['trials']} trials of {row['template']['model']} by {row['metric']}",
            f"{counts[row['search']]} times",
        )
        for row in plan.searches
    }
    yield from aligned(list(rows.values()), indent=2)


def _skipped(plan: Plan) -> Iterator[str]:
    """A line for all combinations that are skipped for the same reason."""
    for row in grouped_skips(plan.skipped):
        runs, datasets, tasks = (listed(row[name]) for name in ("run", "dataset", "task"))
        yield f"  skipped: {runs} on {datasets} as {tasks}: {row['reason']}"


def job_count(plan: Plan) -> int:
    """Number of jobs that Snakemake will plan for a study without any results."""
    fetched = sum(dataset["remote"] for dataset in plan.datasets.values())
    rows = (*plan.runs, *plan.searches)
    problems = len({(row["dataset"], row["task"]) for row in rows}) * plan.splits
    steps = sum(
        (3 if row["shelf"] == "models" else 2) + len(row["page_files"]) for row in plan.runs
    )
    steps += sum(len(rounds(row)) + 1 + 3 * row["trials"] * plan.splits for row in plan.searches)
    return (
        fetched + len(plan.datasets) + problems + steps + len(("gather", "report", *plan.trackers))
    )


def _run(options: argparse.Namespace) -> Iterator[str]:
    from bench.planning.study import load_study

    plan = make_plan(load_study(options.study))
    labels = sorted({row["run"] for row in plan.runs})
    if options.label in {row["search"] for row in plan.searches}:
        reason = "is a search, whose trials run in Snakemake only"
        raise mistake("label", options.label, reason, "write one of its settings under runs:")
    if options.label not in labels:
        meant = suggestion(options.label, labels)
        raise mistake("label", options.label, "no run or baseline has this label", meant)
    from bench.jobs.foreground import run_in_foreground

    states = [row["status"] for row in run_in_foreground(plan, options.label).runs]
    good = states.count("ok")
    if good < len(states):
        raise RunFailed(f"{options.label}: {good} of {len(states)} replicates succeeded")
    yield f"{options.label}: done"


def _report(options: argparse.Namespace) -> Iterator[str]:
    from bench.jobs.ending import ending
    from bench.jobs.report import report_so_far
    from bench.planning.plan_cache import cached_plan
    from bench.planning.yaml_file import merged
    from bench.results.layout import study_folder

    name = options.study.stem
    planned = cached_plan(merged([options.study], {}), name, Path(".snakemake/scvaebench"))
    if not study_folder(name).is_dir():
        raise mistake(str(study_folder(name)), None, "no results yet", "run the study")
    yield f"written: {report_so_far(planned.file, Path(__file__).parents[1], ended=False)}"
    yield from ending(study_folder(name))


def _new(options: argparse.Namespace) -> Iterator[str]:
    from bench.planning.new_file import write_new

    path = write_new(options.kind, options.name)
    yield f"written: {path}"
    yield f"check it: python -m bench check-model {path}"


def _check_model(options: argparse.Namespace) -> Iterator[str]:
    from bench.training.check_model import check_model

    variant = catalogue.card("models", options.file)
    file = catalogue.file_of("models", options.file)
    report = check_model(variant, variant.config(), file)
    if report.findings:
        count = len(report.findings)
        heading = "One problem" if count == 1 else f"{count} problems"
        raise UserError(f"{heading} in {options.file}:", report.findings)
    milliseconds = 1000 * (report.seconds_per_step or 0.0)
    yield f"{options.file}: no problems found"
    yield f"{report.n_parameters:,} parameters"
    yield f"{milliseconds:.1f} ms for a step of 72 cells and 20 genes"


def aligned(rows: Sequence[tuple[Any, ...]], indent: int) -> Iterator[str]:
    """Rows as text, aligned in columns."""
    columns = list(zip(*rows, strict=True))
    widths = [max(len(str(value)) for value in column) for column in columns]
    for row in rows:
        cells = [str(value).ljust(width) for value, width in zip(row, widths, strict=True)]
        yield (" " * indent + "  ".join(cells)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
