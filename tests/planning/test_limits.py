"""Truths about limits of a study: each is a message that says the number and the limit."""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from bench import catalogue
from bench.core.errors import UserError
from bench.planning.plan import make_plan
from bench.planning.study import Study, from_config

HUNDRED = list(range(1, 101))
PLAIN = {
    "datasets": ["gamma_poisson"],
    "tasks": ["held_out_cells"],
    "runs": {"nbvae": {"variant": "nbvae"}},
}
SEARCH = {"variant": "nbvae", "metric": "iwelbo"}


def study(**changes: Any) -> Study:
    return from_config(PLAIN | changes, "mine")


def runs(**body: Any) -> dict[str, Any]:
    return {"runs": {"m": {"variant": "nbvae", **body}}}


def data(**body: Any) -> dict[str, Any]:
    return {"datasets": [{"d": body}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 10**9}, "seeds is 1000000000: .* At most 1,000"),
        ({"seeds": 10**21}, "At most 1,000, each from 0 to 9223372036854775807"),
        ({"seeds": [10**22]}, "each from 0 to 9223372036854775807"),
        ({"seeds": list(range(1001))}, "At most 1,000"),
        ({"splits": 10**9}, "splits is 1000000000: .* At most 1,000"),
        (runs(n_latent=10**11), "n_latent is 100000000000: .* at most 10,000,000"),
        (runs(n_latent=[1, 10**11]), "n_latent is 100000000000: .* at most 10,000,000"),
        (runs(max_epochs=10**8), "max_epochs is 100000000: .* at most 10,000,000"),
        (runs(batch_size=1), "a step takes 3 cells at least; batch_size is 1"),
        (runs(batch_size=[2, 3]), "a step takes 3 cells at least; batch_size is 2"),
        (data(dataset="gamma_poisson", n_cells=10**13), "n_cells is 10000000000000: .* at most"),
        (data(path="~nouser123/x"), "path is '~nouser123/x': no such file"),
        (data(path="x" * 5000), "cannot be read: File name too long"),
        (data(path="x" * 5000 + ".h5ad"), "cannot be read: File name too long"),
        (data(path="/tmp"), "is a folder or a device"),
        (data(path="/dev/zero"), "is a folder or a device"),
        ({"tasks": ["x" * 5000 + ".py"]}, "expected at most 80 letters"),
        ({"tasks": [{"t": {"task": "x" * 5000 + ".py"}}]}, "cannot be read: File name too long"),
        ({"tasks": [{"t": {"task": "x" * 5000}}]}, "nothing on this shelf"),
        ({"tasks": ["~nouser123/x.py"]}, "no such file"),
        (
            runs(n_latent=HUNDRED, n_hidden=HUNDRED, max_epochs=HUNDRED),
            "its lists make 1,000,000 combinations; .* 20,000 is the limit",
        ),
        (
            runs(n_latent=HUNDRED, n_hidden=HUNDRED[:2]) | {"splits": 1000},
            "1 datasets × 1 tasks × 1,000 splits × 200 .* make 200,000 runs; 100,000 is the limit",
        ),
        (
            {"search": {"s": {**SEARCH, "trials": 10**6, "n_latent": {"low": 1, "high": 10**7}}}},
            "make 1,000,001 runs; 100,000 is the limit",
        ),
        (
            {"search": {"s": {**SEARCH, "trials": 2, "n_latent": {"low": 4, "high": 4}}}},
            "low is 4: expected a value below high, which is 4",
        ),
        ({"search": {"s": {**SEARCH, "trials": 2, "n_latent": []}}}, "two or more choices"),
        (
            {"search": {"s": {**SEARCH, "metric": 0, "trials": 2, "n_latent": [1, 2]}}},
            "search.s.metric is '0': nothing on this shelf",
        ),
        ({"readouts": {"bounds": 0}}, "readouts.bounds is 0: expected options"),
        ({"readouts": {"bounds": []}}, "readouts.bounds is .*: expected options"),
        ({"runs": {None: {"variant": "nbvae"}}}, "runs.None: expected at most 80 letters"),
        ({"runs": {"m": []}}, r"runs.m is \[\]: an empty list"),
    ],
)
def test_beyond_a_limit_there_is_one_message_in_time(changes: dict[str, Any], words: str) -> None:
    start = perf_counter()
    with pytest.raises(UserError, match=words) as caught:
        make_plan(study(**changes))
    assert len(caught.value.findings) <= 2
    assert len(str(caught.value)) < 2000
    assert perf_counter() - start < 20


def test_many_labels_with_many_lists_end_in_one_message() -> None:
    body = {"variant": "nbvae", "n_latent": HUNDRED, "n_hidden": HUNDRED}
    found = study(runs={f"m{n}": body for n in range(500)}).findings
    assert len(found) == 499
    assert "20,000 is the limit" in str(found[0])


def test_a_seed_of_a_simulation_may_be_large() -> None:
    assert study(**data(dataset="gamma_poisson", seed=20261127)).findings == ()


@pytest.mark.parametrize(
    ("changes", "where"), [({"title": 2024}, "title"), ({"reference": 3}, "reference")]
)
def test_numbers_are_titles_and_labels(changes: dict[str, Any], where: str) -> None:
    found = study(runs={3: {"variant": "nbvae"}}, **changes)
    assert found.findings == ()
    assert getattr(found, where) == str(changes[where])
    assert [entry.label for entry in found.runs] == ["3"]


def test_numbers_are_labels_of_cells() -> None:
    task = {"t": {"task": "few_labels", "test_batch": [1, 2]}}
    found = study(tasks=[task]).tasks
    assert [entry.values["test_batch"] for entry in found] == ["1", "2"]
    assert [entry.label for entry in found] == ["t.test_batch-1", "t.test_batch-2"]
    [finding] = study(tasks=[{"t": {"task": "few_labels", "test_batch": 1.5}}]).findings
    assert "put quotes around it" in str(finding)


def test_numbers_with_underscores_are_numbers_where_they_are_meant() -> None:
    assert study(**runs(max_epochs="1_000")).runs[0].training["max_epochs"] == 1000


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "while True:\n    try:\n        x = 1\n    except Exception: pass",
    ],
)
def test_the_import_of_a_file_that_never_ends_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(catalogue, "IMPORT_SECONDS", 0.3)
    file = tmp_path / "endless.py"
    file.write_text(body)
    [finding] = study(runs={"m": {"variant": str(file)}}).findings
    assert str(file) in str(finding)
    assert "is still running after 0.3 s" in str(finding)
