"""Truths about reading a study: what fans out, how it is labelled, and what a user is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import catalogue
from bench.planning.renamed_metrics import RENAMED
from bench.planning.study import Study, StudyFile, from_config
from bench.planning.sweeps import LONGEST, combinations, is_safe, labels

OWN_VARIANT = '''
from dataclasses import dataclass
from bench.core.variant import Variant

@dataclass(frozen=True, kw_only=True)
class Config:
    n_latent: int = 2
    """Width of the latent."""
    hidden: tuple[int, ...] = (8,)
    batch_mode: str = "plain"

    def __post_init__(self):
        if self.n_latent == 13:
            raise ValueError("thirteen is unlucky")

VARIANT = Variant(
    label="own", needs=frozenset({"counts", "observed"}), can=frozenset({"bound"}),
    config=Config, build=lambda facts, config: None, reference="a test",
)
'''


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "my_vae.py"
    path.write_text(OWN_VARIANT)
    return str(path)


TUNED = {"variant": "nbvae", "metric": "iwelbo", "trials": 2, "n_latent": [2, 3]}


def study(**changes: Any) -> Study:
    plain = {
        "datasets": ["gamma_poisson"],
        "tasks": ["held_out_cells"],
        "runs": {"nbvae": {"variant": "nbvae"}},
    }
    return from_config(plain | changes, "mine")


def told(found: Study) -> list[str]:
    return [str(finding) for finding in found.findings]


def run_labels(runs: dict[str, Any], **changes: Any) -> list[str]:
    found = study(runs=runs, **changes)
    assert not found.findings
    return [entry.label for entry in found.runs]


def test_a_list_fans_out_and_the_label_tells_its_value() -> None:
    assert run_labels({"nbvae": {"variant": "nbvae", "n_latent": [3, 10]}}) == [
        "nbvae.n_latent-3",
        "nbvae.n_latent-10",
    ]


def test_several_lists_make_their_product() -> None:
    body = {"variant": "nbvae", "n_latent": [3, 10], "learning_rate": [0.01, "1e-3"]}
    assert run_labels({"m": body}) == [
        "m.n_latent-3.learning_rate-0.01",
        "m.n_latent-3.learning_rate-0.001",
        "m.n_latent-10.learning_rate-0.01",
        "m.n_latent-10.learning_rate-0.001",
    ]


def test_mappings_that_move_together_are_told_apart_by_what_differs() -> None:
    bodies = [
        {"variant": "nbvae", "n_latent": 3, "n_hidden": 64, "patience": 5},
        {"variant": "nbvae", "n_latent": 10, "n_hidden": 64, "patience": 7},
    ]
    assert run_labels({"m": bodies}) == ["m.n_latent-3.patience-5", "m.n_latent-10.patience-7"]


def test_variants_fan_out_too(own: str) -> None:
    assert run_labels({"m": {"variant": ["pvae", own]}}) == ["m.variant-pvae", "m.variant-my_vae"]


def test_training_holds_for_every_run_that_does_not_say_otherwise() -> None:
    found = study(
        training={"learning_rate": "1e-2", "patience": 3},
        runs={"a": {"variant": "pvae"}, "b": {"variant": "pvae", "patience": 9}},
    )
    assert [(e.training["learning_rate"], e.training["patience"]) for e in found.runs] == [
        (0.01, 3),
        (0.01, 9),
    ]


def test_a_swept_training_key_sweeps_every_run() -> None:
    assert run_labels({"a": {"variant": "pvae"}}, training={"patience": [3, 4]}) == [
        "a.patience-3",
        "a.patience-4",
    ]


def test_a_list_valued_parameter_takes_a_list_as_one_value(own: str) -> None:
    one = study(runs={"m": {"variant": own, "hidden": [16, 4]}})
    many = study(runs={"m": {"variant": own, "hidden": [[16, 4], [8]]}})
    assert [(e.label, e.config.hidden) for e in one.runs] == [("m", (16, 4))]
    assert [(e.label, e.config.hidden) for e in many.runs] == [
        ("m.hidden-16-4", (16, 4)),
        ("m.hidden-8", (8,)),
    ]


def test_datasets_tasks_and_baselines_fan_out_like_runs() -> None:
    found = study(
        datasets=[{"small": {"dataset": "gamma_poisson", "n_cells": [50, 60]}}],
        tasks=[{"masked_entries": {"among": ["all", "nonzero"]}}],
        baselines=[{"nmf": {"rank": [1, 3]}}],
    )
    every = [*found.datasets, *found.tasks, *found.baselines]
    assert not found.findings
    assert [entry.label for entry in every] == [
        "small.n_cells-50",
        "small.n_cells-60",
        "masked_entries.among-all",
        "masked_entries.among-nonzero",
        "nmf.rank-1",
        "nmf.rank-3",
    ]


def test_a_path_to_counts_means_the_users_h5ad(tmp_path: Path) -> None:
    file = tmp_path / "cells.h5ad"
    file.touch()
    found = study(datasets=[str(file), {"mine": {"path": str(file), "batch": "donor"}}])
    assert not found.findings
    assert [(e.label, e.name, e.values["batch"]) for e in found.datasets] == [
        ("cells", "h5ad", ""),
        ("mine", "h5ad", "donor"),
    ]


def test_labels_that_no_folder_can_carry_are_numbered(own: str) -> None:
    runs = {"m": {"variant": own, "batch_mode": ["a/b", "c d"]}}
    assert run_labels(runs) == ["m.1", "m.2"]
    runs = {"m": {"variant": own, "batch_mode": ["x" * LONGEST, "y" * LONGEST]}}
    assert run_labels(runs) == ["m.1", "m.2"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["n_latent", "rank", "path"]),
        st.lists(st.one_of(st.integers(), st.text(), st.floats(0, 1)), min_size=1, max_size=4),
        min_size=1,
    )
)
def test_every_label_is_safe(lists: dict[str, list[Any]]) -> None:
    swept = [c.given for c in combinations(lists, lambda key: False)]
    assert all(is_safe(label) for label in labels("run", swept))
    assert len(swept) == len(labels("run", swept))


def test_two_runs_may_not_share_a_label_in_any_case() -> None:
    found = study(
        runs={"NMF": {"variant": "pvae"}, "a": {"variant": "pvae", "n_latent": [3, 3]}},
        baselines=["nmf"],
    )
    assert [finding.value for finding in found.findings] == ["a.n_latent-3", "nmf"]


@pytest.mark.parametrize("label", ["a b", "..", "-x", "x" * 81, True, ""])
def test_an_unsafe_label_is_refused(label: Any) -> None:
    assert any("letters, digits" in line for line in told(study(runs={label: {}})))


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ({"n_latnet": 3}, "runs.m.n_latnet", "did you mean n_latent?"),
        ({"n_latent": -1}, "runs.m.n_latent", "a whole number > 0"),
        ({"n_latent": True}, "runs.m.n_latent", "YAML reads on, off"),
        ({"n_latent": 2.5}, "runs.m.n_latent", "a whole number"),
        ({"n_latent": "3"}, "runs.m.n_latent", "a whole number"),
        ({"n_latent": None}, "runs.m.n_latent", "a whole number"),
        ({"n_latent": []}, "runs.m.n_latent", "an empty list results in no run"),
        ({"n_latent": [3, {"a": 1}]}, "runs.m.n_latent", "a whole number"),
        ({"learning_rate": float("nan")}, "runs.m.learning_rate", "a number > 0"),
        ({"optimizer": "adams"}, "runs.m.optimizer", "one of adam, rmsprop"),
        ({"encoder_input": False}, "runs.m.encoder_input", "one of raw, log1p"),
        ({"variant": "nbva"}, "runs.m.variant", "did you mean nbvae?"),
        ({"variant": "./no.py"}, "runs.m.variant", "no such file"),
        ("nbvae", "runs.m", "expected parameters"),
    ],
)
def test_a_wrong_parameter_is_told_with_place_and_help(body: Any, place: str, words: str) -> None:
    full = {"variant": "nbvae", **body} if isinstance(body, dict) else body
    [finding] = study(runs={"m": full}).findings
    assert finding.place == place
    assert words in str(finding)


def test_what_a_config_checks_itself_is_told_too(own: str) -> None:
    [finding] = study(runs={"m": {"variant": own, "n_latent": [2, 13]}}).findings
    assert (finding.place, finding.expected) == ("runs.m", "thirteen is unlucky")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": True}, "seeds is True"),
        ({"seeds": [1, 1]}, "duplicate seed"),
        ({"splits": "two"}, "splits is 'two'"),
        ({"datasets": []}, "datasets is []: expected one or more"),
        ({"datasets": [{"a": None, "path": "x"}]}, "indent the parameters"),
        ({"datasets": [7]}, "datasets[0] is 7"),
        ({"datasets": [{"m": {"path": "none.h5ad"}}]}, "datasets.m.path is 'none.h5ad': no such"),
        ({"datasets": [{"h5ad": {}}]}, "datasets.h5ad.path: missing; expected text"),
        ({"tasks": ["held_out_cell"]}, "did you mean held_out_cells?"),
        ({"runs": {}}, "nothing to compare"),
        ({"metrics": ["iwelboo"]}, "did you mean iwelbo?"),
        ({"metrics": ["accurcy.knn"]}, "did you mean accuracy?"),
        ({"metrics": ["accuracy.knm"]}, "accuracy has no view knm; did you mean knn?"),
        ({"metrics": ["elbo.knn"]}, "elbo has no view knn; its views are: none"),
        ({"metrics": ["accuracy."]}, "nothing on this shelf has that name; did you mean accuracy?"),
        (
            {"metrics": ["knn_accuracy"]},
            "knn_accuracy is now accuracy.knn",
        ),
        ({"search": {"s": TUNED | {"metric": "scib_ilisi"}}}, "scib_ilisi is now scib.ilisi"),
        (
            {"search": {"s": TUNED | {"metric": "scib.ilis"}}},
            "search.s.metric is 'scib.ilis'",
        ),
        ({"readouts": {"bounds": {"n_sample": 3}}}, "did you mean n_samples?"),
        ({"readouts": {"bound": {}}}, "did you mean bounds?"),
        ({"readouts": {"bounds": 3}}, "expected options"),
        ({"training": {"batch_sise": 3}}, "training.batch_sise: unknown; did you mean batch_size"),
        ({"training": {"patience": [1, -1]}}, "training.patience is -1"),
        ({"run": {}}, "run: unknown; did you mean runs?"),
        ({"reference": "nbvea"}, "reference is 'nbvea': no run, search or baseline has this"),
        ({"reference": "nbvea"}, "did you mean nbvae?"),
        ({"reference": 3}, "reference is '3': no run, search or baseline has this label"),
    ],
)
def test_a_wrong_key_is_told(changes: dict[str, Any], words: str) -> None:
    [line] = told(study(**changes))
    assert words in line


@pytest.mark.parametrize("reference", ["nbvae", "tuned", "m.n_latent-3", "mean"])
def test_a_reference_is_a_run_a_search_or_a_baseline(reference: str) -> None:
    runs = {"nbvae": {"variant": "nbvae"}, "m": {"variant": "pvae", "n_latent": [3, 10]}}
    more = {"runs": runs, "search": {"tuned": TUNED}, "baselines": ["mean"]}
    found = study(reference=reference, **more)
    assert (told(found), found.reference) == ([], reference)


def test_a_reference_that_fanned_out_is_not_one_run() -> None:
    runs = {"m": {"variant": "nbvae", "n_latent": [3, 10]}}
    [finding] = study(runs=runs, reference="m").findings
    assert finding.fix == "name one of its runs: m.n_latent-3"


def test_a_reference_that_is_mistaken_itself_is_told_of_once() -> None:
    [line] = told(study(runs={"m": {"variant": "nbva"}}, reference="m"))
    assert line.startswith("runs.m.variant")


MUTE_ERROR = """
class Mute(Exception):
    def __str__(self):
        raise RuntimeError

raise Mute
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_package\n", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit(0)\n", "cannot be imported: SystemExit"),
        (MUTE_ERROR, "cannot be imported: Mute: its message cannot be read"),
        ("", "ends without a card"),
    ],
)
def test_a_users_file_that_breaks_is_one_line(tmp_path: Path, source: str, words: str) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(source)
    [line] = told(study(runs={"a": {"variant": str(broken)}}))
    assert f"runs.a.variant: {words}" in line


def test_a_users_file_imports_what_lies_beside_it(own: str) -> None:
    Path(own).write_text(OWN_VARIANT.replace("n_latent: int = 2", "n_latent: int = 2 * ONE"))
    text = Path(own).read_text()
    Path(own).write_text(f"from sizes_of_mine import ONE\n{text}")
    Path(own).with_name("sizes_of_mine.py").write_text("ONE = 1\n")
    found = study(runs={"a": {"variant": own}})
    assert not found.findings
    assert found.runs[0].config.n_latent == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("VARIANT = Variant(", "VARIANT = dict(", "its card is not a Variant"),
        ("frozen=True, ", "", "frozen, keyword-only dataclass"),
        ("config=Config", "config=None", "frozen, keyword-only dataclass"),
        ("n_latent: int = 2", "n_latent: Nonsense = 2", "'Nonsense' is not defined"),
        ("n_latent: int = 2", "n_latent: Variant = 2", ""),
        ("n_latent: int = 2", "n_latent: object.__class__ = 2", ""),
    ],
)
def test_a_users_card_that_is_none_is_told(own: str, old: str, new: str, words: str) -> None:
    Path(own).write_text(OWN_VARIANT.replace(old, new))
    [line] = told(study(runs={"a": {"variant": own}}))
    assert line.startswith("runs.a.variant")
    assert words in line


def test_users_files_of_one_name_do_not_meet(own: str, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    other = tmp_path / "more" / "my_vae.py"
    other.write_text(OWN_VARIANT.replace("n_latent", "n_factors").replace("Config", "Other"))
    runs = {"a": {"variant": own, "n_latent": 3}, "b": {"variant": str(other), "n_factors": 4}}
    found = study(runs=runs)
    assert not found.findings
    assert (found.runs[0].config.n_latent, found.runs[1].config.n_factors) == (3, 4)


def test_a_users_metric_may_not_take_a_name_from_the_shelf(tmp_path: Path) -> None:
    source = catalogue.file_of("metrics", "elbo").read_text()
    mine, taken = tmp_path / "my_metric.py", tmp_path / "elbo.py"
    mine.write_text(source)
    taken.write_text(source)
    assert set(study(metrics=["all", str(mine)]).metrics) >= {"elbo", str(mine)}
    [finding] = study(metrics=["all", str(mine), str(taken)]).findings
    assert (finding.value, finding.expected) == (str(taken), "another file has the name elbo")


def test_every_old_name_of_a_metric_is_refused_with_the_new_one() -> None:
    lines = told(study(metrics=sorted(RENAMED)))
    assert lines == [f"metrics is {n!r}: {n} is now {RENAMED[n]}" for n in sorted(RENAMED)]
    assert not told(study(metrics=sorted(RENAMED.values())))


def test_all_are_all_views_of_all_measures() -> None:
    every = list(study(metrics="all").metrics)
    assert every == list(study(metrics=["all", "accuracy.knn", "scib"]).metrics)
    assert {"accuracy", "accuracy.knn", "scib.total", "effect_pearson.top20"} <= set(every)
    assert not {"scib", "kmeans", "mask"} & set(every)


def test_a_measure_whose_views_have_names_means_its_default_view() -> None:
    found = study(metrics=["scib", "kmeans.nmi", "scib.total", "kmeans", "accuracy"])
    assert list(found.metrics) == ["scib.total", "kmeans.nmi", "accuracy"]
    assert found.named_metrics == set(found.metrics)
    assert found.metrics["kmeans.nmi"].card.label == "k-means clusters, NMI"
    [search] = study(search={"s": TUNED | {"metric": "scib"}}).searches
    assert (search.metric, search.card.label) == ("scib.total", "scIB, total")


OWN_METRIC = """
from bench.core.metric import Metric, View

def score(*, elbo_per_cell, library, top=None):
    return float(sorted(elbo_per_cell)[-top:][0] if top else elbo_per_cell.mean())

METRIC = Metric(
    label="own", score=score, better="higher", unit="nats", reference="a test",
    views={"top2": View(label="top 2", description="The second best.", options={"top": 2})},
)
"""


def test_views_of_a_users_file_are_named_behind_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN_METRIC)
    found = study(metrics=["elbo", str(path), f"{path}.top2"])
    assert not found.findings
    assert list(found.metrics) == ["elbo", str(path), f"{path}.top2"]
    assert [option.card.label for option in found.metrics.values()] == ["ELBO", "own", "own, top 2"]
    [line] = told(study(metrics=[f"{path}.top3"]))
    assert "mine.py has no view top3; did you mean top2?" in line
    path.write_text(OWN_METRIC.replace('"top": 2', '"topp": 2'))
    [line] = told(study(metrics=[str(path)]))
    assert "cannot be imported: ValueError: score has no parameter topp" in line


def test_a_resolved_study_is_a_study_that_resolves_to_itself() -> None:
    first = study(
        datasets=[{"tiny": {"dataset": "gamma_poisson", "n_cells": 50}}],
        runs={"m": {"variant": "nbvae", "n_latent": [2, 3]}},
        baselines=["mean"],
        seeds=2,
    )
    again = from_config(yaml.safe_load(yaml.safe_dump(first.resolved())), "mine")
    assert not again.findings
    assert again.resolved() == first.resolved()
    assert set(first.resolved()) == set(StudyFile.model_fields) - {"training"}
