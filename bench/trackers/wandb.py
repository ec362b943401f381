"""Weights & Biases: one run per replicate, and one for the study.

Content                        Place in W&B
run, task                      group, job type
tags, hyperparameters         config
curve                          history by step: ``train/<term>``, ``validation/<term>``, ``epoch``
scores, costs, status          summary: ``score/<metric>``, ``cost/<name>``, ``status``, ``reason``
table of all scores, report    the run ``study``: table ``scores``, page ``report``, artifact

The id of a run is a digest of its content, so that a repeated export or synchronisation gives the
same run.  Offline mode contacts no network.  The artifact's ``provenance.json`` describes the
machine and the code, so W&B does not collect this information.
"""

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.core.tracker import Tracker
from bench.trackers._environment import environment
from bench.trackers._results import PAGE, Finished, Replicate, digest_of, finished

if TYPE_CHECKING:
    from wandb import Settings


@dataclass(frozen=True, kw_only=True)
class WandbConfig:
    """Destination of the runs."""

    mode: Literal["offline", "online"] = "offline"
    """``offline`` stores runs on disk until ``wandb sync``; ``online`` uploads them directly and
    requires an earlier ``wandb login``."""
    project: str = ""
    """Project at W&B; empty: the study's name."""
    entity: str = ""
    """User or team; empty: the default of the W&B account."""


def mirror(study: Path, folder: Path, config: WandbConfig) -> dict[str, Any]:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    root = folder.resolve()
    # By default W&B stages artifact files in the user's home, where another machine would not find
    # them, and sends error reports.
    with environment(
        WANDB_ERROR_REPORTING="false", WANDB_DATA_DIR=str(root), WANDB_CACHE_DIR=str(root / "cache")
    ):
        import wandb

        done, settings = finished(study), _settings(root, config)
        try:
            runs = {one.name: _replicate(done.name, one, settings) for one in done.replicates()}
            runs["study"] = _study(done, settings)
        finally:
            wandb.teardown()
    project = config.project or done.name
    return {"tracker": "wandb", "mode": config.mode, "project": project, "runs": runs}


def _settings(folder: Path, config: WandbConfig) -> "Settings":
    import wandb

    return wandb.Settings(
        mode=config.mode,
        entity=config.entity or None,
        project=config.project or None,
        root_dir=str(folder),
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        save_code=False,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )


def _replicate(study: str, one: Replicate, settings: "Settings") -> str:
    """Write one replicate; returns the id of its run."""
    import wandb

    key = digest_of(study, one)
    with wandb.init(
        project=settings.project or study,
        id=key,
        name=one.name,
        group=one.tags["run"],
        job_type=one.tags["task"],
        config={**one.parameters, **one.tags},
        settings=settings,
    ) as run:
        for point in one.curve:
            run.log({**point.values, "epoch": point.epoch}, step=point.step)
        run.summary.update(
            {
                **{f"score/{metric}": value for metric, value in one.scores.items()},
                **{f"cost/{name}": value for name, value in one.costs.items()},
                "status": one.status,
                "reason": one.reason,
            }
        )
        # Failed replicates have the state failed in W&B too.
        run.finish(exit_code=0 if one.status == "ok" else 1)
    return key


def _study(done: Finished, settings: "Settings") -> str:
    """Write the run of the study, with the content of no replicate; returns its id."""
    import wandb

    content = b"".join(path.read_bytes() for path in done.files)
    key = sha256(done.name.encode() + content).hexdigest()[:20]
    with wandb.init(
        project=settings.project or done.name,
        id=key,
        name="study",
        job_type="study",
        notes=done.provenance["study"].get("title"),
        config=dict(done.provenance),
        settings=settings,
    ) as run:
        results = wandb.Artifact(f"{done.name}-results", type="results")
        for path in done.files:
            results.add_file(str(path))
        run.log_artifact(results)
        run.log(
            {
                "scores": wandb.Table(dataframe=done.scores()),
                "report": wandb.Html(str(done.folder / PAGE), inject=False),
            }
        )
    return key


TRACKER = Tracker(
    label="Weights & Biases",
    config=WandbConfig,
    mirror=mirror,
    libraries=("wandb",),
    reference="Biewald (2020), Experiment Tracking with Weights and Biases",
)
