"""K562 cells with activation (CRISPRa) of one or two of 105 genes: data of the SAMS-VAE paper.

The processed file of the Theis lab, its layer ``counts`` and the 5,000 genes with
``highly_variable``.  A cell's treatments are the targets with 1 in the column ``guide_<target>``,
several targets are a combination, and cells without a target are the controls.  Published: 111,255
cells, 105 targets, 132 combinations; the report states differences from these numbers.
The data do not distinguish guides of one target; the selection of genes used all cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CountData, Dataset, Description, Source
from bench.data._cleaning import clean_counts
from bench.data._published_selection import opened, recounted, selected, table
from bench.parts.perturbations.treatments import dosages, perturbation_name, treatments_of

if TYPE_CHECKING:
    from pandas import DataFrame

FILE = "Norman_2019.h5ad"
GUIDE, NO_TARGETS = "guide_", ("guide_identity", "guide_ids")
PUBLISHED = {"cells": 111_255, "genes": 5_000, "targets": 105, "combinations": 132}


@dataclass(frozen=True, kw_only=True)
class Norman2019Config:
    """No parameters: the selection is the published one."""


def load(config: Norman2019Config, files: Mapping[str, Path]) -> CountData:
    """Counts and perturbations, and a sentence if sizes differ from the publication."""
    with opened(files[FILE]) as file:
        obs, var = table(file, "obs"), table(file, "var", ("highly_variable",))
        keep = var["highly_variable"].to_numpy(bool)
        data = CountData(
            counts=selected(file, "layers/counts", np.ones(len(obs), dtype=bool), keep),
            cell_names=obs.index.to_numpy(),
            gene_names=var.index.to_numpy()[keep],
            labels={"perturbation": _perturbations(obs)},
        )
    data = clean_counts(data, FILE)
    return replace(data, repairs=(*data.repairs, *recounted(_sizes(data), PUBLISHED)))


def _perturbations(obs: "DataFrame") -> NDArray[np.str_]:
    """(cell,) names from columns of zeros and ones.  Raises ValueError for other values."""
    columns = [c for c in obs.columns if c.startswith(GUIDE) and c not in NO_TARGETS]
    if not columns:
        raise ValueError(f"obs has no columns {GUIDE}<target>")
    given = obs[columns].to_numpy(float)
    if not np.isin(given, (0.0, 1.0)).all():
        raise ValueError(f"columns {GUIDE}<target> have values other than 0 and 1")
    each, code = np.unique(given.astype(bool), axis=0, return_inverse=True)
    targets = np.array([column.removeprefix(GUIDE) for column in columns])
    names = [perturbation_name(dict.fromkeys(targets[row].tolist(), 1.0)) for row in each]
    return np.array(names)[code.ravel()]


def _sizes(data: CountData) -> dict[str, int]:
    perturbation = data.labels["perturbation"]
    n_parts = [len(treatments_of(name)) for name in np.unique(perturbation).tolist()]
    return {
        "cells": data.counts.shape[0],
        "genes": data.counts.shape[1],
        "targets": len(dosages(perturbation)[0]),
        "combinations": sum(n > 1 for n in n_parts),
    }


DATASET = Dataset(
    label="Norman 2019",
    config=Norman2019Config,
    load=load,
    provides=frozenset({"counts", "perturbation"}),
    sources=(
        Source(
            file=FILE,
            address="https://ndownloader.figshare.com/files/34027562",
            licence="as stated at figshare, record 19134071; GEO GSE133344 states none",
            citation="Norman et al. 2019, doi:10.1126/science.aax4438; processed by the Theis lab",
            sha256="b679c157fea550ef5be4dad91da9dff1f5d8287313ad3f3537f6cf14d4bcd434",
        ),
    ),
    describe=lambda _: Description(n_cells=PUBLISHED["cells"], n_genes=PUBLISHED["genes"]),
    reference="Norman et al. 2019, doi:10.1126/science.aax4438; selection of Bereket and "
    "Karaletsos 2023, arXiv 2311.02794",
)
