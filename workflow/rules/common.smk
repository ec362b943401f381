# Reads the plan, and claims the study for this Snakemake.  No rules, no science.

from pathlib import Path

from snakemake.utils import min_version

min_version("9.16")

from bench.core.errors import UserError
from bench.jobs.main_process import MainProcess
from bench.planning.job_params import JobParams
from bench.planning.plan_cache import cached_plan, current_plan
from bench.planning.yaml_file import merged
from bench.planning.search.trials import pattern

ROOT = Path(workflow.basedir)
FILES = [Path(file) for file in workflow.configfiles] or [ROOT / "configs/default.yaml"]
STUDY = FILES[-1].stem
CACHE = Path(".snakemake/scvaebench")

try:
    if workflow.is_main_process:
        # Read here rather than by `configfile:`, which would merge a study with the default one.
        PLANNED = cached_plan(
            merged(FILES, workflow.config_settings.config), STUDY, CACHE
        )
    else:
        PLANNED = current_plan(STUDY, CACHE)
    JOBS = JobParams(PLANNED.plan)
    MAIN = MainProcess(workflow, PLANNED.file, CACHE, ROOT)
except UserError as error:
    # Snakemake's own errors add where in this file they were raised: no business of the user's.
    raise SystemExit(str(error)) from None

# Ctrl-C reaches Snakemake alone, which ends its jobs: none of them is an error then.
shell.prefix("trap '' INT; set -euo pipefail; ")

# Where the plan lies changes with every source: were it given to a job, that would run again.
config["plan"] = str(PLANNED.file)


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


# Resources grow with the data and with the attempt; a profile may set them otherwise.


def memory_to_prepare(wildcards, input, attempt):
    return int((1500 + 30 * input.size_mb) * attempt)


def memory_to_fit(wildcards, input, attempt):
    return int((1500 + 60 * input.size_mb) * attempt)


def minutes_to_fit(wildcards, input, attempt):
    return int((60 + 10 * input.size_mb) * attempt)
