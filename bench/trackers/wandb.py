"""Weights & Biases: a run for every replicate, and one for the study as a whole.

What is mirrored               Where it is found in W&B
run, task                      group, job type
tags, hyperparameters         config
curve                          history by step: ``train/<term>``, ``validation/<term>``, ``epoch``
scores, costs, status          summary: ``score/<metric>``, ``cost/<name>``, ``status``, ``reason``
table of all scores, report    the run ``study``: table ``scores``, page ``report``, artifact

A run's id is a digest of what is in it: mirrored or synchronised again, it is the same run.
Offline nothing contacts a network; what machine this is and which code it runs stands in the
artifact's ``provenance.json`` and is not asked for again.
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
    """Where the runs go."""

    mode: Literal["offline", "online"] = "offline"
    """``offline`` keeps them on disk until ``wandb sync``; ``online`` sends them at once, for which
    ``wandb login`` must have been done."""
    project: str = ""
    """Project at W&B; empty: the study's name."""
    entity: str = ""
    """User or team; empty: whatever W&B takes for the one logged in."""


def mirror(study: Path, folder: Path, config: WandbConfig) -> dict[str, Any]:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    root = folder.resolve()
    # Staged files of artifacts would lie in the user's home otherwise, and be missed on another
    # machine; error reports would be sent.
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
    """Write one replicate; the id of its run."""
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
        # What did not go well is shown as failed there too.
        run.finish(exit_code=0 if one.status == "ok" else 1)
    return key


def _study(done: Finished, settings: "Settings") -> str:
    """Write the run that holds what belongs to no replicate; its id."""
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
