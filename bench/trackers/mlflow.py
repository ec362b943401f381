"""MLflow: one experiment per study, with one run per replicate and one for the study.

Content                        Place in MLflow
tags, status, reason          tags
hyperparameters                parameters
curve                          metrics ``train/<term>``, ``validation/<term>`` and ``epoch`` by step
scores, costs                  metrics ``score/<metric>``, ``cost/<name>``
tables, report                 the run ``study``: artifacts

A run has a digest of its content.  A repeated export keeps unchanged runs, adds new runs, and
deletes runs that are no longer part of the study (MLflow moves them to its trash).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from bench.core.tracker import Tracker
from bench.trackers._environment import environment
from bench.trackers._results import Finished, Replicate, digest_of, finished

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

STUDY, DIGEST = "scvaebench.study", "scvaebench.digest"
"""Tags that identify runs of this tracker; the digest is written last."""

SERVERS = ("http://", "https://", "databricks")

MOST_METRICS, MOST_PARAMETERS, MOST_RUNS = 1000, 100, 1000
"""Limits of MLflow per request."""


@dataclass(frozen=True, kw_only=True)
class MlflowConfig:
    """Destination of the runs."""

    tracking_uri: str = ""
    """A store or server, such as ``http://localhost:5000``; empty: an SQLite database in the
    study's folder."""
    experiment: str = ""
    """Experiment in the store; empty: the study's name."""


def mirror(study: Path, folder: Path, config: MlflowConfig) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    # MLflow sends usage reports unless they are disabled before its import.
    with environment(MLFLOW_DISABLE_TELEMETRY="true"):
        from mlflow import MlflowClient

        done, root = finished(study), folder.resolve()
        uri = config.tracking_uri or f"sqlite:///{root / 'mlflow.db'}"
        client, name = MlflowClient(tracking_uri=uri), config.experiment or done.name
        # A server stores artifacts itself; MLflow's local default is the current working directory.
        artifacts = None if uri.startswith(SERVERS) else (root / "artifacts").as_uri()
        experiment = _experiment(client, name, artifacts)
        runs = _Writer(client, experiment, done).write()
    where = config.tracking_uri or f"sqlite:///{folder / 'mlflow.db'}"
    return {"tracker": "mlflow", "tracking_uri": where, "experiment": name, "runs": runs}


def _experiment(client: "MlflowClient", name: str, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    return str(found.experiment_id)


class _Writer:
    """Updates one experiment to the content of a study."""

    def __init__(self, client: "MlflowClient", experiment: str, done: Finished) -> None:
        self.client, self.experiment, self.done = client, experiment, done
        self.now = int(1000 * time())
        self.before = _runs_of(client, experiment, done.name)

    def write(self) -> dict[str, str]:
        """Add new runs and delete old ones; returns the ids of the runs by name."""
        runs = {one.name: self._replicate(one) for one in self.done.replicates()}
        runs["study"] = self._study()
        for run_id in set(self.before) - set(runs.values()):
            self.client.delete_run(run_id)
        return runs

    def _replicate(self, one: Replicate) -> str:
        digest = digest_of(self.done.name, one)
        if run_id := self._known(digest):
            return run_id
        run_id = self._begun(one.name, {**one.tags, "status": one.status, "reason": one.reason})
        self._log_parameters(run_id, one.parameters)
        self._log_metrics(run_id, self._metrics(one))
        self._end(run_id, digest, "FINISHED" if one.status == "ok" else "FAILED")
        return run_id

    def _study(self) -> str:
        content = b"".join(path.read_bytes() for path in self.done.files)
        digest = sha256(content).hexdigest()[:20]
        if run_id := self._known(digest):
            return run_id
        title = self.done.provenance["study"].get("title", "")
        run_id = self._begun("study", {"mlflow.note.content": title})
        for path in self.done.files:
            self.client.log_artifact(run_id, str(path))
        self._end(run_id, digest, "FINISHED")
        return run_id

    def _known(self, digest: str) -> str:
        """The existing run with this content; empty if there is none."""
        return next((run_id for run_id, held in self.before.items() if held == digest), "")

    def _begun(self, name: str, tags: Mapping[str, Any]) -> str:
        content = {key: str(value) for key, value in tags.items() if str(value)}
        run = self.client.create_run(
            self.experiment, run_name=name, tags={STUDY: self.done.name, **content}
        )
        return str(run.info.run_id)

    def _end(self, run_id: str, digest: str, status: str) -> None:
        self.client.set_terminated(run_id, status=status)
        self.client.set_tag(run_id, DIGEST, digest)

    def _metrics(self, one: Replicate) -> list["Metric"]:
        from mlflow.entities import Metric

        costs = {name: value for name, value in one.costs.items() if not isinstance(value, str)}
        last = one.curve[-1].step if one.curve else 0
        final = {f"score/{key}": value for key, value in one.scores.items()}
        final |= {f"cost/{key}": float(value) for key, value in costs.items()}
        points = [(p.step, {**p.values, "epoch": float(p.epoch)}) for p in one.curve]
        return [
            Metric(key, value, self.now, step)
            for step, values in [*points, (last, final)]
            for key, value in values.items()
        ]

    def _log_metrics(self, run_id: str, metrics: list["Metric"]) -> None:
        for first in range(0, len(metrics), MOST_METRICS):
            self.client.log_batch(run_id, metrics=metrics[first : first + MOST_METRICS])

    def _log_parameters(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        all_of_them = [Param(key, str(value)) for key, value in parameters.items()]
        for first in range(0, len(all_of_them), MOST_PARAMETERS):
            self.client.log_batch(run_id, params=all_of_them[first : first + MOST_PARAMETERS])


def _runs_of(client: "MlflowClient", experiment: str, study: str) -> dict[str, str]:
    """The runs of earlier exports of this study, with their digests, from all result pages."""
    found: dict[str, str] = {}
    token = None
    while True:
        page = client.search_runs(
            [experiment],
            filter_string=f"tags.`{STUDY}` = '{study}'",
            max_results=MOST_RUNS,
            page_token=token,
        )
        found |= {run.info.run_id: run.data.tags.get(DIGEST, "") for run in page}
        token = page.token
        if not token:
            return found


TRACKER = Tracker(
    label="MLflow",
    config=MlflowConfig,
    mirror=mirror,
    libraries=("mlflow", "sqlalchemy", "alembic"),
    reference="Zaharia et al. (2018), Accelerating the Machine Learning Lifecycle with MLflow",
)
