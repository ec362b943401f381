"""The page: whole, self-contained, the same for the same numbers, and there whatever failed."""

import json
import random
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.reports import _wording as wording
from bench.reports._page import as_data, compose, render
from bench.results.tables import read

StudyFolder = Callable[..., Path]
SECTIONS = {
    "summary", "baseline_comparison", "study", "leaderboards", "scores", "curves", "costs",
    "failures", "provenance",
}  # fmt: skip
VOID = {"meta", "br", "link", "img", "input", "circle", "rect", "path", "hr"}


class Outline(HTMLParser):
    """Ids, tags left open, addresses something would be loaded from, and the text of tables."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self.captions = self.tables = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.ids += [held["id"] or ""] if "id" in held else []
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.headings += [tag] if re.fullmatch(r"h[1-6]", tag) else []
        names = {"src", "srcset", "data", "action"} | ({"href"} if tag != "a" else set())
        self.loaded += [str(held[name]) for name in names & held.keys()]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    return found


def without_bundle(page: str) -> str:
    """The page but for Vega's own code."""
    return re.sub(r'<script type="module">.*?</script>', "", page, flags=re.DOTALL)


def seen(page: str) -> str:
    """What a reader reads, in one line."""
    text = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_page_is_whole(study_folder: StudyFolder, tmp_path: Path) -> None:
    render(study_folder(n_epochs=30), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf8")
    found = outline(page)
    assert found.open == []
    assert set(found.ids) >= SECTIONS
    assert len(found.ids) == len(set(found.ids))
    assert found.tables == found.captions > 10
    assert found.headings[0] == "h1"
    assert found.headings.count("h1") == 1
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(found.ids)


def test_nothing_is_loaded_from_anywhere(study_folder: StudyFolder) -> None:
    page = compose(read(study_folder(n_epochs=30)))
    assert outline(page).loaded == []
    own = without_bundle(page)
    assert "://" not in own
    assert "@import" not in own
    assert "url(" not in own
    assert "default-src 'none'" in own


def test_every_chart_has_its_data(study_folder: StudyFolder) -> None:
    page = compose(read(study_folder(n_epochs=30)))
    specs = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.S)
    assert {name for name, _ in specs} == set(re.findall(r'data-spec="([^"]+)"', page))
    # Two tasks on two datasets: scores, costs and three curves each.
    assert len(specs) == 2 * 2 * (2 + 3)
    for _, text in specs:
        assert json.loads(text)["description"]


def test_the_order_of_rows_does_not_matter(study_folder: StudyFolder) -> None:
    folder = study_folder(
        failing=lambda run, seed: "failed" if (run, seed) == ("pvae", 3) else "ok"
    )
    before = compose(read(folder))
    for name in ("scores", "runs", "plan", "metrics"):
        head, *lines = (folder / f"{name}.csv").read_text().splitlines()
        random.Random(5).shuffle(lines)
        (folder / f"{name}.csv").write_text("\n".join([head, *lines]))
    assert compose(read(folder)) == before


def test_a_failure_is_shown_with_its_reason(study_folder: StudyFolder) -> None:
    folder = study_folder(
        failing=lambda run, seed: "out_of_memory" if (run, seed) == ("pvae", 3) else "ok"
    )
    page = compose(read(folder))
    assert "loss became NaN at epoch 12 &lt;of 400&gt;" in page
    assert "<of 400>" not in page
    assert "4/5" in seen(page)
    assert "1 out of memory" in seen(page)


def test_no_failures_are_said_to_be_none(study_folder: StudyFolder) -> None:
    assert "None: every replicate" in seen(compose(read(study_folder())))


def test_all_runs_of_a_model_failed(study_folder: StudyFolder) -> None:
    page = compose(
        read(study_folder(failing=lambda run, seed: "failed" if run == "pvae" else "ok"))
    )
    assert "0/5" in seen(page)
    assert "5 failed" in seen(page)


def test_everything_failed(study_folder: StudyFolder) -> None:
    page = compose(read(study_folder(failing=lambda run, seed: "timeout", n_epochs=5)))
    assert "No competitor has a score" in seen(page)
    assert set(outline(page).ids) >= SECTIONS


@pytest.mark.parametrize(
    "particulars",
    [
        {"datasets": ("pbmc68k_reduced",), "tasks": ("masked_entries",)},
        {"without_truth": ("thinning_example", "pbmc68k_reduced")},
        {"n_seeds": 1},
        {"n_splits": 3, "n_seeds": 2},
    ],
)
def test_small_and_odd_studies_render(
    study_folder: StudyFolder, particulars: dict[str, object]
) -> None:
    page = compose(read(study_folder(**particulars)))
    assert set(outline(page).ids) >= SECTIONS
    assert ">nan<" not in page
    assert "inf]" not in page


def test_what_carries_the_interval_is_said(study_folder: StudyFolder, tmp_path: Path) -> None:
    one = seen(compose(read(study_folder())))
    assert "the seeds carry every interval" in one
    assert "p-values cannot reach 0.05" in one
    assert "at most 94 %" in one


def test_published_metrics_stand_apart_and_never_rank(study_folder: StudyFolder) -> None:
    page = compose(read(study_folder()))
    before, _, after = page.partition('class="published"')
    assert after
    assert "imputation_loss.as_published" not in before
    assert "Ranked by <code>imputation_loss</code>" in page


def test_names_are_escaped(study_folder: StudyFolder) -> None:
    folder = study_folder()
    provenance = json.loads((folder / "provenance.json").read_text())
    provenance["study"]["title"] = "<script>alert(1)</script>"
    (folder / "provenance.json").write_text(json.dumps(provenance))
    assert "<script>alert" not in compose(read(folder))
    assert "</script" not in as_data({"run": "</script><b>"})
    assert json.loads(as_data({"run": "</script>"})) == {"run": "</script>"}


@pytest.mark.slow
@pytest.mark.nightly
def test_a_thousand_runs_stay_light(study_folder: StudyFolder) -> None:
    means = {f"nbvae.{k}": ("models", "nbvae", "competitor", k / 500, 0.01) for k in range(247)}
    means |= {"rank_one": ("baselines", "rank_one", "competitor", 0.3, 0.0)}
    means |= {"mean": ("baselines", "mean", "floor", 0.0, 0.0)}
    means |= {"oracle": ("baselines", "oracle", "ceiling", 1.0, 0.0)}
    page = compose(read(study_folder(means=means, without_truth=())))
    assert len(page) < 15e6
    assert "The first 100 of 250 runs are shown" in seen(page)


def test_numbers_are_written_to_be_read() -> None:
    assert wording.number(-0.5, 2) == "−0.50"
    assert wording.number(-0.0001, 2) == "0.00"
    assert wording.number(float("nan")) == "–"
    assert wording.number(12345.0, 0) == "12\N{NARROW NO-BREAK SPACE}345"
    assert wording.signed(0.25, 2) == "+0.25"
    assert wording.seconds(0.123) == "0.12 s"
    assert wording.seconds(150.0) == "2.5 min"
    assert wording.seconds(7200.0) == "2.0 h"
    assert wording.decimals_for([0.0043], [1.0]) == 4
    assert wording.decimals_for([0.0], [-24414.4]) == 0
    assert wording.listing(["a", "b", "c"]) == "a, b and c"
    assert wording.listing(["a", "b", "c"], 1) == "a and 2 more"
    assert wording.plural(1, "seed") == "1 seed"
    assert wording.fact({"cpu": ["a", "b"]}) == "cpu: a, b"


def test_what_was_skipped_and_noticed_is_shown(study_folder: StudyFolder) -> None:
    page = compose(read(study_folder()))
    assert '<td class="prose">no truth</td>' in page
    assert '<td class="prose">200 of 400 cells are copies of another cell</td>' in page
