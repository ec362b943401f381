"""A search in the report: one trial competes, all are shown."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.rows import SEARCH
from bench.reports import search
from bench.reports._comparisons import average_ranks
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
MEANS = {
    "tuned.trial-01": ("models", "nbvae", "competitor", 0.70, 0.010),
    "tuned.trial-02": ("models", "nbvae", "competitor", 0.80, 0.010),
    # The best in the end; not by validation.
    "tuned.trial-03": ("models", "nbvae", "competitor", 0.95, 0.010),
    "tuned.trial-04": ("models", "nbvae", "competitor", 0.60, 0.010),
    "pvae": ("models", "pvae", "competitor", 0.75, 0.01),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
    "oracle": ("baselines", "oracle", "ceiling", 1.0, 0.0),
}
VALUES: dict[str, list[float | None]] = {
    "thinning_example": [-9.0, -7.0, -8.0, None],
    "pbmc68k_reduced": [-6.0, -7.0, -8.0, None],
}


def trials(values: Mapping[str, list[float | None]]) -> pd.DataFrame:
    """``search.csv`` of trials with these validation values, by dataset; higher is better."""
    rows = []
    for dataset, row in values.items():
        best = max((value for value in row if value is not None), default=None)
        for n, value in enumerate(row, start=1):
            place = ("tuned", dataset, "thinned_counts", "iwelbo", "higher")
            ended = ("ok", "") if value is not None else ("diverged", "split 1, seed 2: <NaN>")
            selected = value is not None and value == best
            own = (n, (n + 1) // 2, f"tuned.trial-0{n}", *ended, value, selected)
            rows.append((*place, *own, 0.001 * n, ["none", "iaf"][n % 2]))
    return pd.DataFrame(rows, columns=[*SEARCH, "learning_rate", "flow"])


@pytest.fixture
def results(study_folder: StudyFolder) -> Callable[..., Results]:
    """A made-up study with a search of these validation values."""

    def made(values: Mapping[str, list[float | None]] = VALUES, **more: Any) -> Results:
        folder = study_folder(means=MEANS, tasks=("thinned_counts",), **more)
        trials(values).to_csv(folder / "search.csv", index=False)
        return read(folder)

    return made


def test_only_the_selected_trial_competes(results: Callable[..., Results]) -> None:
    found = {one.dataset: one for one in leaderboards(results())}
    runs = {name: {row.run for row in one.rows} for name, one in found.items()}
    assert runs["thinning_example"] == {"tuned.trial-02", "pvae", "mean", "oracle"}
    assert runs["pbmc68k_reduced"] == {"tuned.trial-01", "pvae", "mean"}


def test_a_search_has_one_rank_over_datasets(results: Callable[..., Results]) -> None:
    rows = {row.run: row for row in average_ranks(leaderboards(results()))}
    assert set(rows) == {"tuned", "pvae"}
    assert rows["tuned"].ranks == {"thinning_example": 1.0, "pbmc68k_reduced": 2.0}


def test_every_trial_is_shown_with_its_test_score(results: Callable[..., Results]) -> None:
    made = results()
    panels = search.panels(made, leaderboards(made))
    [panel] = [p for p in panels if p.leaderboard.dataset == "thinning_example"]
    assert [trial.number for trial in panel.trials] == [1, 2, 3, 4]
    assert [trial.selected for trial in panel.trials] == [False, True, False, False]
    assert panel.parameters == ["learning_rate", "flow"]
    assert panel.trials[2].parameters == ["0.003", "iaf"]
    tests = [trial.test.mean for trial in panel.trials]
    assert max(tests) == tests[2]
    assert "Of 4 trials 3 have a value; tuned.trial-02 was selected, with iwelbo" in panel.sentence
    assert panel.spec is not None
    points = panel.spec["layer"][0]["data"]["values"] if "data" not in panel.spec else []
    points = points or panel.spec["data"]["values"]
    assert [point["best"] for point in points] == [-9.0, -7.0, -7.0]


def test_the_page_says_who_was_selected_and_how(results: Callable[..., Results]) -> None:
    page = compose(results())
    assert 'id="search"' in page
    assert "selected on validation cells before anyone looked at these scores" in page
    assert "1 VAE run, 1 searched run and 2 baselines" in page.replace("\n", " ")
    assert "split 1, seed 2: &lt;NaN&gt;" in page


def test_the_order_of_rows_does_not_matter(results: Callable[..., Results]) -> None:
    made = results()
    other = Results(
        **{
            name: getattr(made, name).sample(frac=1, random_state=1)
            for name in ("scores", "runs", "plan", "metrics", "search")
        },
        ranked_by=made.ranked_by,
        provenance=made.provenance,
    )
    assert compose(made) == compose(other)


def test_a_search_of_which_nothing_was_selected(results: Callable[..., Results]) -> None:
    made = results({name: [None] * 4 for name in VALUES})
    panels = search.panels(made, leaderboards(made))
    assert {panel.sentence for panel in panels} == {
        "Of 4 trials 0 have a value: none could be selected."
    }
    assert {panel.spec for panel in panels} == {None}
    assert "tuned.trial-01" not in {row.run for one in leaderboards(made) for row in one.rows}
    assert 'id="search"' in compose(made)


def test_without_a_search_there_is_no_section(study_folder: StudyFolder) -> None:
    made = read(study_folder())
    assert made.competitors.equals(made.plan)
    assert search.panels(made, leaderboards(made)) == []
    assert 'id="search"' not in compose(made)
