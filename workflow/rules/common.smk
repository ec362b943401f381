# Reads the plan and says what belongs to which wildcards.  No rules, no science.

import json
from hashlib import sha256
from pathlib import Path

from snakemake.utils import min_version

min_version("9.16")

from bench.core.errors import UserError
from bench.kept import kept_plan, key_of
from bench.reading import merged

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


wildcard_constraints:
    study=STUDY,
    shelf="runs|baselines",
    dataset="[^/]+",
    task="[^/]+",
    split="[0-9]+",
    run="[^/]+",
    tracker="[^/]+",


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


def run_at(shelf, wildcards):
    where = (shelf, wildcards.dataset, wildcards.task, wildcards.split, wildcards.run)
    return RUNS["/".join(where)]


def variant_run(wildcards):
    return run_at("runs", wildcards)


def baseline_run(wildcards):
    return run_at("baselines", wildcards)


def any_run(wildcards):
    return run_at(wildcards.shelf, wildcards)


# What a job is given of a row of the plan is what re-runs it: training never hears of metrics.


def to_train(wildcards):
    return without(variant_run(wildcards), "readouts", "metrics", "code")


def to_read_out(wildcards):
    return without(variant_run(wildcards), "metrics", "code")


def to_fit(wildcards):
    return without(baseline_run(wildcards), "metrics", "code")


def to_score(wildcards):
    return without(any_run(wildcards), "readouts", "code")


def to_gather():
    return sha256(
        json.dumps(without(PLAN, "code"), sort_keys=True).encode()
    ).hexdigest()


def of_all_runs(file):
    return [f"results/{STUDY}/{where}/{file}" for where in RUNS]


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
