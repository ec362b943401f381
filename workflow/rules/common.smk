# Reads the plan and says what belongs to which wildcards.  No rules, no science.

import json
from hashlib import sha256
from pathlib import Path

from snakemake.utils import min_version

min_version("9.16")

from bench.core.errors import UserError
from bench.kept import kept_plan, key_of
from bench.reading import merged
from bench.search import trials

ROOT = Path(workflow.basedir)
FILES = [Path(file) for file in workflow.configfiles] or [ROOT / "configs/default.yaml"]
STUDY = FILES[-1].stem
KEPT = Path(".snakemake/scvaebench")

try:
    # Read here rather than by `configfile:`, which would merge a study with the default one.
    CONFIG = merged(FILES, workflow.config_settings.config)
    PLAN = kept_plan(CONFIG, STUDY, KEPT).as_data()
except UserError as error:
    # Snakemake's own errors add where in this file they were raised: no business of the user's.
    raise SystemExit(str(error)) from None

# Where the plan lies changes with every source: were it given to a job, that would run again.
config["plan"] = str(KEPT / f"{key_of(CONFIG, STUDY)}.json")


def place(run):
    shelf = "runs" if run["shelf"] == "models" else "baselines"
    return f"{shelf}/{run['dataset']}/{run['task']}/{run['split']}/{run['run']}"


RUNS = {place(run): run for run in PLAN["runs"]}
SEARCHES = {str(trials.folder_of(search)): search for search in PLAN["searches"]}
TRIAL = trials.pattern(dict.fromkeys(row["search"] for row in PLAN["searches"]))


wildcard_constraints:
    study=STUDY,
    shelf="runs|baselines",
    dataset="[^/]+",
    task="[^/]+",
    split="[0-9]+",
    run="[^/]+",
    tracker="[^/]+",
    search="[^/]+",
    round="[0-9]+",


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


def dataset_of(wildcards):
    return PLAN["datasets"][wildcards.dataset]


def task_of(wildcards):
    return PLAN["tasks"][wildcards.task]


def sources_of(wildcards):
    row = dataset_of(wildcards)
    files = {f"file_{number}": path for number, path in enumerate(row["files"])}
    if row["remote"]:
        files["fetched"] = f"resources/{wildcards.dataset}/fetched.json"
    return files


def place_of(shelf, wildcards):
    parts = (shelf, wildcards.dataset, wildcards.task, wildcards.split, wildcards.run)
    return "/".join(parts)


def run_at(shelf, wildcards):
    return RUNS.get(place_of(shelf, wildcards)) or trial_at(wildcards)


def trial_at(wildcards):
    # What a trial tries stands in the file of its round; a job on a cluster finds it there.
    return trials.run_at(Path("results", STUDY), PLAN["searches"], wildcards)


def round_of(wildcards):
    # A round that is made anew need not try anything new: what a job is given tells.
    if place_of(wildcards.get("shelf", "runs"), wildcards) in RUNS:
        return []
    search, number = trials.found(PLAN["searches"], wildcards)
    return ancient(f"results/{STUDY}/{trials.round_file(search, number)}")


def variant_run(wildcards):
    return run_at("runs", wildcards)


def baseline_run(wildcards):
    return run_at("baselines", wildcards)


def any_run(wildcards):
    return run_at(wildcards.shelf, wildcards)


# What a job is given of a row of the plan is what re-runs it: training never hears of metrics.


def to_train(wildcards):
    unread = ("readouts", "metrics", "selects_by", "drawn", "code")
    return without(variant_run(wildcards), *unread)


def to_read_out(wildcards):
    return without(variant_run(wildcards), "metrics", "drawn", "code")


def to_fit(wildcards):
    return without(baseline_run(wildcards), "metrics", "drawn", "code")


def to_score(wildcards):
    return without(any_run(wildcards), "readouts", "selects_by", "drawn", "code")


def search_of(wildcards):
    parts = ("search", wildcards.dataset, wildcards.task, wildcards.search)
    return SEARCHES["/".join(parts)]


def to_propose(wildcards):
    # Neither how many trials there will be nor what they have in common: the first of twenty
    # trials are the first of forty.
    names = ("search", "dataset", "task", "better", "space")
    return {name: search_of(wildcards)[name] for name in names}


def numbers_of_round(wildcards):
    return list(trials.numbers(search_of(wildcards), int(wildcards.round)))


def to_conclude(wildcards):
    return without(search_of(wildcards), "template", "space")


def to_gather():
    return sha256(
        json.dumps(without(PLAN, "code"), sort_keys=True).encode()
    ).hexdigest()


def of_all_runs(file):
    return [f"results/{STUDY}/{where}/{file}" for where in RUNS]


def all_drawn():
    # Trials are never drawn: there are too many to look at.
    files = [f"{where}/{file}" for where, run in RUNS.items() for file in run["drawn"]]
    return [f"results/{STUDY}/{file}" for file in files]


def of_all_searches():
    return [f"results/{STUDY}/{where}/trials.json" for where in SEARCHES]


def rounds_before(wildcards):
    return range(1, int(wildcards.round))


def all_rounds(wildcards):
    return trials.rounds(search_of(wildcards))


def round_files(rounds):
    def files(wildcards):
        search = search_of(wildcards)
        made = [trials.round_file(search, one) for one in rounds(wildcards)]
        return [f"results/{STUDY}/{file}" for file in made]

    return files


def trial_files(rounds, name):
    def files(wildcards):
        which = (search_of(wildcards), rounds(wildcards), PLAN["splits"], name)
        return [f"results/{STUDY}/{file}" for file in trials.files_of(*which)]

    return files


def tables():
    searched = ["search.csv"] if SEARCHES else []
    compared = ["differences.csv"] if PLAN["resolved"]["reference"] else []
    names = ["scores", "runs", "plan", "metrics"]
    files = [f"{name}.csv" for name in names]
    files += [*searched, *compared, "provenance.json"]
    return [f"results/{STUDY}/{file}" for file in files]


def targets():
    judged = ["verdict.txt"] if PLAN["strict"] else []
    mirrored = [f"trackers/{label}.json" for label in PLAN["trackers"]]
    return [f"results/{STUDY}/{name}" for name in ["report.html", *judged, *mirrored]]


# Resources grow with the data and with the attempt; a profile may set them otherwise.


def memory_to_prepare(wildcards, input, attempt):
    return int((1500 + 30 * input.size_mb) * attempt)


def memory_to_fit(wildcards, input, attempt):
    return int((1500 + 60 * input.size_mb) * attempt)


def minutes_to_fit(wildcards, input, attempt):
    return int((60 + 10 * input.size_mb) * attempt)
