"""2,700 blood cells of a healthy donor (10x Genomics, Chromium v1), as published by 10x.

The archive has ``matrix.mtx`` (gene, cell), ``genes.tsv`` (identifier, symbol) and
``barcodes.tsv`` in one folder.  Genes have their symbols as names; one batch, no labels.
"""

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData, Dataset, Description, Source
from bench.core.errors import mistake
from bench.data._cleaning import clean_counts
from bench.data._genes import detected, kept_genes, top_genes

ARCHIVE = "pbmc3k_filtered_gene_bc_matrices.tar.gz"
FOLDER = "filtered_gene_bc_matrices/hg19"


@dataclass(frozen=True, kw_only=True)
class Pbmc3kConfig:
    """Selection from the 32,738 genes."""

    min_cells: Annotated[int, Ge(0)] = 3
    """Genes detected in fewer cells are removed."""
    n_top_genes: Annotated[int, Ge(0)] = 2000
    """Of these, the genes with the largest Poisson deviance; 0 keeps all."""


def load(config: Pbmc3kConfig, files: Mapping[str, Path]) -> CountData:
    """The counts of the archive.  Raises UserError if the archive is damaged."""
    data = _from_archive(files[ARCHIVE])
    why = f"detected in at least {config.min_cells} cells"
    data = kept_genes(data, detected(data.counts, config.min_cells), why)
    return clean_counts(top_genes(data, config.n_top_genes), "pbmc3k")


def _from_archive(path: Path) -> CountData:
    from scipy.io import mmread

    try:
        with tarfile.open(path) as archive:
            counts = mmread(archive.extractfile(f"{FOLDER}/matrix.mtx"))
            genes = _column(archive, "genes.tsv", -1)
            cells = _column(archive, "barcodes.tsv", 0)
    except (tarfile.TarError, EOFError, OSError, KeyError, ValueError) as error:
        raise mistake(
            str(path), None, f"cannot be read as 10x's archive: {error}", "delete and fetch again"
        ) from error
    if counts.shape != (len(genes), len(cells)):
        raise mistake(str(path), counts.shape, f"expected {len(genes)} genes, {len(cells)} cells")
    return CountData(counts=csr_matrix(counts.T), cell_names=cells, gene_names=genes)


def _column(archive: tarfile.TarFile, name: str, column: int) -> np.ndarray:
    member = archive.extractfile(f"{FOLDER}/{name}")
    if member is None:
        raise KeyError(f"{FOLDER}/{name} is not a file")
    return np.array([line.split("\t")[column] for line in member.read().decode().splitlines()])


DATASET = Dataset(
    label="PBMC 3k",
    config=Pbmc3kConfig,
    load=load,
    provides=frozenset({"counts"}),
    sources=(
        Source(
            file=ARCHIVE,
            address=f"https://cf.10xgenomics.com/samples/cell/pbmc3k/{ARCHIVE}",
            licence="CC BY 4.0",
            citation="10x Genomics; Zheng et al. 2017, doi:10.1038/ncomms14049",
        ),
    ),
    describe=lambda config: Description(n_cells=2700, n_genes=config.n_top_genes or 13_714),
    reference="Zheng et al. 2017, doi:10.1038/ncomms14049",
)
