"""The tables of docs/results are what their files say, and can be made from a study's scores."""

import re
from pathlib import Path

import pytest

from benchmarks.render_results import (
    BLOCK,
    NUMBER,
    PAGES,
    TableError,
    main,
    markdown,
    read_table,
    recorded_table,
    rendered,
)

FILES = sorted(PAGES.glob("*.md"))
TABLES = PAGES / "tables"
RULER = re.compile(r"^\|(?: *:?-+:? *\|)+$", re.M)

SCORES = """\
dataset,task,split,run,model,seed,metric,value
tiny,held_out_cells,1,pca,pca,0,iwelbo,-2000.0
tiny,held_out_cells,2,pca,pca,0,iwelbo,-2002.0
tiny,held_out_cells,1,nbvae,nbvae,0,iwelbo,-1000.0
tiny,held_out_cells,2,nbvae,nbvae,0,iwelbo,-1010.0
tiny,held_out_cells,1,nbvae,nbvae,1,iwelbo,-1004.0
tiny,held_out_cells,2,nbvae,nbvae,1,iwelbo,-1014.0
tiny,held_out_cells,1,nbvae,nbvae,0,knn_purity,0.5
tiny,thinned_counts,1,nbvae,nbvae,0,iwelbo,7.0
other,held_out_cells,1,nbvae,nbvae,0,iwelbo,7.0
"""
DEFINITION = """\
scores: scores.csv
runs: [pca, nbvae]
columns:
  IWELBO: {dataset: tiny, task: held_out_cells, metric: iwelbo, decimals: 1}
  purity: {dataset: tiny, task: held_out_cells, metric: knn_purity, decimals: 3}
"""
PAGE = "# Page\n\n<!-- table: bounds -->\n<!-- end -->\n\nText.\n"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder with the scores of two runs and the definition of the table ``bounds``."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "scores.csv").write_text(SCORES, encoding="utf8")
    (folder / "bounds.yaml").write_text(DEFINITION, encoding="utf8")
    return folder


def define(tables: Path, old: str, new: str) -> None:
    """Change one line of the definition."""
    assert old in DEFINITION
    (tables / "bounds.yaml").write_text(DEFINITION.replace(old, new), encoding="utf8")


@pytest.mark.parametrize("page", FILES, ids=lambda page: page.stem)
def test_a_page_is_current(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    assert rendered(text, TABLES) == text, "run python benchmarks/render_results.py"


@pytest.mark.parametrize("page", FILES, ids=lambda page: page.stem)
def test_every_table_of_a_page_has_a_file(page: Path) -> None:
    outside = BLOCK.sub("", page.read_text(encoding="utf8"))
    assert not RULER.search(outside)
    assert not re.search("^<!-- ", outside, re.M)


def test_every_file_is_shown_once() -> None:
    shown = [name for page in FILES for name in BLOCK.findall(page.read_text(encoding="utf8"))]
    kept = [path.stem for path in TABLES.iterdir() if path.suffix in {".csv", ".yaml"}]
    assert kept
    assert sorted(shown) == sorted(kept)


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_recorded_table_holds_plain_numbers(path: Path) -> None:
    table = recorded_table(path)
    assert len(set(table.header)) == len(table.header)
    cells = [cell for row in table.rows for cell in row if cell]
    assert any(NUMBER.fullmatch(cell) for cell in cells)
    for cell in cells:
        assert NUMBER.fullmatch(cell) or not re.fullmatch(r"[-+−.,\d\s*±\[\]]+", cell), cell
        assert cell == cell.strip()


def test_a_recorded_table_in_markdown(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(
        "run,note,mean,mean SD,gain,gain low,gain high\n"
        "pca,a|b,-12345.50,,,,\n"
        "nbvae,,-7,0.5,+0.1,-0.1,+0.3\n",
        encoding="utf8",
    )
    assert markdown(read_table("one", tmp_path)) == (
        "| run | note | mean | gain |\n"
        "| --- | --- | ---: | ---: |\n"
        "| pca | a\\|b | −12,345.50 | – |\n"
        "| nbvae | – | −7 ± 0.5 | +0.1 [−0.1, +0.3] |\n"
    )


def test_a_table_of_scores(tables: Path) -> None:
    """Over seeds, splits averaged first: -1005 and -1009 have the sample deviation 2.83."""
    assert markdown(read_table("bounds", tables)) == (
        "| run | IWELBO | purity |\n"
        "| --- | ---: | ---: |\n"
        "| pca | −2,001.0 | – |\n"
        "| nbvae | −1,007.0 ± 2.8 | 0.500 |\n"
    )


def test_a_table_of_scores_over_splits(tables: Path) -> None:
    """Seeds averaged first: -1002 and -1012."""
    define(tables, "scores: scores.csv\n", "scores: scores.csv\nover: split\n")
    table = read_table("bounds", tables)
    assert table.header == ["run", "IWELBO", "IWELBO SD", "purity", "purity SD"]
    assert table.rows[0][:3] == ["pca", "-2001.0", "1.4"]
    assert table.rows[1][:3] == ["nbvae", "-1007.0", "7.1"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[pca, nbvae]", "[pca, nbvae, scvi]", "no score of the run 'scvi'"),
        ("knn_purity", "kmeans_ari", "column 'purity': no score of any run"),
        ("decimals: 3", "digits: 3", "unknown keys ['digits'], missing keys ['decimals']"),
        ("runs:", "rows:", "unknown keys ['rows'], missing keys ['runs']"),
        ("runs:", "over: cells\nruns:", "over is 'cells'"),
    ],
)
def test_a_wrong_definition_is_refused(tables: Path, old: str, new: str, said: str) -> None:
    define(tables, old, new)
    with pytest.raises(TableError, match=re.escape(said)):
        read_table("bounds", tables)


@pytest.mark.parametrize("value", ["nan", "0.5\ntiny,held_out_cells,1,pca,pca,0,iwelbo,1.0"])
def test_scores_that_are_not_finite_or_doubled_are_refused(tables: Path, value: str) -> None:
    with (tables / "scores.csv").open("a", encoding="utf8") as file:
        file.write(f"tiny,held_out_cells,3,pca,pca,0,iwelbo,{value}\n")
    with pytest.raises(TableError, match=r"row 1[12]"):
        read_table("bounds", tables)


def test_a_table_has_one_file(tables: Path) -> None:
    with pytest.raises(TableError, match=re.escape("other.csv or other.yaml")):
        read_table("other", tables)
    (tables / "bounds.csv").write_text("run\npca\n", encoding="utf8")
    with pytest.raises(TableError, match="expected one file"):
        read_table("bounds", tables)


def test_a_short_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("run,mean\npca,1\nnmf\n", encoding="utf8")
    with pytest.raises(TableError, match="row 3: 1 cells, expected 2"):
        read_table("one", tmp_path)


def test_the_command_checks_and_rewrites(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tables.parent / "page.md"
    page.write_text(PAGE, encoding="utf8")
    assert main(["--check"], tables.parent) == 1
    assert page.read_text(encoding="utf8") == PAGE
    assert main([], tables.parent) == 0
    text = page.read_text(encoding="utf8")
    assert "| nbvae | −1,007.0 ± 2.8 | 0.500 |" in text
    assert text.startswith("# Page\n")
    assert text.endswith("<!-- end -->\n\nText.\n")
    assert main(["--check"], tables.parent) == 0
    assert capsys.readouterr().out == "page.md: not current\npage.md: rewritten\n"
    page.write_text(text.replace("0.500", "0.600"), encoding="utf8")
    assert main(["--check"], tables.parent) == 1
