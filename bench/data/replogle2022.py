"""K562 cells with strong effects from a genome-wide CRISPRi screen: data of the SAMS-VAE paper.

From 1,989,578 cells and 8,248 genes: the cells of 681 target genes with a strong effect (50 or more
differentially expressed genes) that cluster with others, 2,000 non-targeting cells sampled with
numpy's legacy generator (seed 0), and the 1,187 columns of 1,186 clustered genes.  Both lists are
from the third supplementary table of the screen; they are read from the notebook of the authors of
sVAE, who published this selection.  A treatment is a pair of guides, with the name of its gene; if
a gene has several pairs, the names have #1, #2 in the order of the guides.  Published: 118,641 x
1,187.  The download is 66 GB; less than one gigabyte is kept.
The selection has no batches (lanes) and no weak effects.
Source: Lopez et al. 2023, arXiv 2211.03553; the controls are those of Bereket and Karaletsos 2023,
arXiv 2311.02794.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, CountData, Dataset, Description, Source
from bench.core.errors import mistake
from bench.data._cleaning import clean_counts
from bench.data._published_selection import opened, recounted, selected, table

if TYPE_CHECKING:
    from pandas import DataFrame

FILE, LISTS = "K562_gwps_raw_singlecell_01.h5ad", "replogle-preprocessing.ipynb"
TARGETS, GENES = "string", "string_genes"
"""Names of the two lists in the notebook."""

LISTED = re.compile(r'^(\w+) = """(.*?)"""', re.M | re.S)
NON_TARGETING, N_CONTROLS = "non-targeting", 2000
PUBLISHED = {"cells": 118_641, "genes": 1_187}


@dataclass(frozen=True, kw_only=True)
class Replogle2022Config:
    """Definition of a treatment."""

    treatment: Literal["guides", "gene"] = "guides"
    """A pair of guides, as published, or all guides of one gene."""


def load(config: Replogle2022Config, files: Mapping[str, Path]) -> CountData:
    """The selection, and a sentence if its size differs from the publication."""
    listed = _lists(files[LISTS])
    with opened(files[FILE]) as file:
        obs, var = table(file, "obs", ("gene", "sgID_AB")), table(file, "var", ("gene_name",))
        target = obs["gene"].to_numpy().astype(str)
        rows = np.isin(target, listed[TARGETS]) | _controls(target)
        columns = var["gene_name"].isin(listed[GENES]).to_numpy()
        data = CountData(
            counts=selected(file, "X", rows, columns),
            cell_names=obs.index.to_numpy()[rows],
            gene_names=var["gene_name"].to_numpy()[columns],
            labels={"perturbation": _perturbations(obs[rows], config)},
        )
    data = clean_counts(data, FILE)
    sizes = dict(zip(PUBLISHED, data.counts.shape, strict=True))
    return replace(data, repairs=(*data.repairs, *recounted(sizes, PUBLISHED)))


def _lists(path: Path) -> dict[str, list[str]]:
    """The names in both lists of the notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        found = {name: text for c in cells for name, text in LISTED.findall("".join(c["source"]))}
        return {name: re.split(r"[,\s]+", found[name].strip()) for name in (TARGETS, GENES)}
    except (ValueError, KeyError, TypeError) as error:
        what = f"cannot be read as the notebook with the two lists: {error}"
        raise mistake(str(path), None, what, "delete and fetch again") from error


def _controls(target: NDArray[np.str_]) -> NDArray[np.bool_]:
    """(cell,) true for the sampled non-targeting cells."""
    sampled = np.flatnonzero(target == NON_TARGETING)
    np.random.RandomState(0).shuffle(sampled)
    return np.isin(np.arange(len(target)), sampled[:N_CONTROLS])


def _perturbations(obs: "DataFrame", config: Replogle2022Config) -> NDArray[np.str_]:
    """(cell,) names of treatments."""
    targets, guides = (obs[name].to_numpy().astype(str) for name in ("gene", "sgID_AB"))
    named = {}
    for gene in np.unique(targets).tolist():
        pairs = np.unique(guides[targets == gene]).tolist()
        numbered = config.treatment == "guides" and len(pairs) > 1 and gene != NON_TARGETING
        for number, pair in enumerate(pairs, start=1):
            name = CONTROL if gene == NON_TARGETING else gene
            named[gene, pair] = f"{name}#{number}" if numbered else name
    return np.array([named[pair] for pair in zip(targets.tolist(), guides.tolist(), strict=True)])


DATASET = Dataset(
    label="Replogle 2022",
    config=Replogle2022Config,
    load=load,
    provides=frozenset({"counts", "perturbation"}),
    sources=(
        Source(
            file=FILE,
            address="https://plus.figshare.com/ndownloader/files/35775507",
            licence="as stated at figshare+, record 20029387",
            citation="Replogle et al. 2022, doi:10.1016/j.cell.2022.05.013",
        ),
        Source(
            file=LISTS,
            address="https://raw.githubusercontent.com/Genentech/sVAE/"
            "48685f6ded5432b01e951fef569f1fc535f5fd7b/entry_points/replogle-preprocessing.ipynb",
            licence="Apache-2.0",
            citation="Lopez et al. 2023, arXiv 2211.03553; lists of Replogle et al. 2022, table S3",
            sha256="e2c04667cfa0d615602a2abb891f69dfed4f69f6c3c6d92524631d5f34834f1d",
        ),
    ),
    describe=lambda _: Description(n_cells=PUBLISHED["cells"], n_genes=PUBLISHED["genes"]),
    reference="Replogle et al. 2022, doi:10.1016/j.cell.2022.05.013; selection of Bereket and "
    "Karaletsos 2023, arXiv 2311.02794",
)
