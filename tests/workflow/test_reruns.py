"""What an edit runs again, end to end; ``tests/planning/test_job_params.py`` has every case."""

from typing import Any

import numpy as np
import pytest
from workspace import Workspace, edited

pytestmark = pytest.mark.slow

END = {"Gathering all scores", "Writing the report: results/mine/report.html"}


def again(run: str, *datasets: str) -> set[str]:
    """All jobs of a variant."""
    verbs = ("Training", "Reading out", "Scoring")
    return {f"{verb} {run} on {dataset}, held_out_cells" for verb in verbs for dataset in datasets}


def test_every_run_ended_well_and_nothing_is_left_to_do(finished: Workspace) -> None:
    runs = finished.runs()
    assert set(runs["status"]) == {"ok"}
    assert len(runs) == 3 * 2 * 2
    scores = finished.scores()
    assert set(scores["run"]) == {"nbvae", "user", "mean"}
    assert not scores.isna().any().any()
    assert finished.planned() == set()
    assert "Nothing to be done" in finished.run()


def test_an_edited_file_of_the_users_runs_alone(finished: Workspace) -> None:
    with edited(finished.folder / "elsewhere/my_vae.py"):
        assert finished.planned() == again("user", "tiny", "mine") | END


def test_a_changed_file_of_counts_is_prepared_again(finished: Workspace, write_counts: Any) -> None:
    path = finished.folder / "mine.h5ad"
    begin = {"Preparing mine", "Posing held_out_cells on mine, split 1"}
    baseline = {f"{verb} mean on mine, held_out_cells" for verb in ("Fitting", "Scoring")}
    with edited(path, ""):
        write_counts(path, np.tile([1.0, 2.0], (40, 5)))
        variants = again("nbvae", "mine") | again("user", "mine")
        assert finished.planned() == begin | variants | baseline | END


def test_a_forgotten_report_is_written_again(finished: Workspace) -> None:
    page = finished.study / "report.html"
    hidden = page.rename(page.with_suffix(".hidden"))
    try:
        assert finished.planned() == END - {"Gathering all scores"}
    finally:
        hidden.rename(page)
