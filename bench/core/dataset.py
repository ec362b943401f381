"""Datasets of counts or values, and the card at the end of a dataset file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.errors import Finding

LABELS = ("batch", "cell_type", "perturbation")
"""Names of the cell annotations that tasks and models use."""

KNOWN_TYPE = "known_type"
"""The cell type of labelled cells and "" for all others: tasks that hide labels provide this field
instead of ``cell_type``."""

UNKNOWN = "unknown"
"""The label of a cell without annotation."""

CONTROL = "control"
"""The perturbation label of control cells; see ``parts.perturbations.treatments``."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that are this machine."""

Measured = Literal["counts", "values"]
"""Kind of data: counts, or real values (of a simulation)."""

TRUTH = (
    *("rate", "mean", "inverse_dispersion", "second_draw", "observed"),
    *("true_mask", "true_embedding", "true_latent", "true_effect"),
)
"""True values that only a simulation has.

``rate`` and ``mean`` are (cell, gene): the Poisson rate of every entry, and its expectation given
the latent factors alone; ``inverse_dispersion`` is the shape of the Gamma noise between the two,
``()`` or (gene,); ``second_draw`` is an independent draw of counts at the same rates; ``observed``
(cell, gene, bool) is the simulation's own mask.

For perturbations, with treatments in alphabetical order: ``true_mask`` (treatment, latent, bool) is
true where a treatment shifts a latent; ``true_embedding`` (treatment, latent) is the shift at
dosage 1, 0 outside the mask; ``true_latent`` (cell, latent) is the latent of the cell, shifts
included; ``true_effect`` (perturbation, gene) is the expected effect of every perturbation except
the control, in alphabetical order, in the units of :mod:`bench.parts.perturbations.effects`.
"""


@dataclass(frozen=True, kw_only=True)
class CountData:
    """Counts with the annotations of the cells."""

    counts: csr_matrix
    """(cell, gene), non-negative integers; real numbers if ``measured`` is ``values``."""
    cell_names: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    labels: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    """(cell,) each, names from :data:`LABELS`."""
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Names from :data:`TRUTH`; empty for real data."""
    repairs: tuple[str, ...] = ()
    """Changes during cleaning, one sentence each; shown in the report."""
    measured: Measured = "counts"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One remote file; without a published ``sha256`` the first download records one.

    Raises ValueError if ``file`` is more than a name, or if a transfer without encryption has no
    checksum to be compared with.
    """

    file: str
    """Its name in the folder of the dataset's files."""
    address: str
    licence: str
    citation: str
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.file in ("", "..") or self.file != PurePosixPath(self.file.replace("\\", "/")).name:
            raise ValueError(f"file {self.file!r}: expected a name without folders")
        if reason := why_not_trusted(self.address, self.sha256):
            raise ValueError(f"address {self.address!r}: {reason}")


def why_not_trusted(address: str, sha256: str) -> str:
    """Why a file must not be taken from an address; empty if it may.

    Without encryption anybody on the way can change a file, which only a checksum reveals.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "expected an address that starts with https://"
    if parts.scheme == "http" and not sha256 and parts.hostname not in LOOPBACK:
        return "plain http needs a checksum (sha256); use https"
    return ""


def nothing_known(config: Any) -> None:
    """The description of a dataset whose card has none."""


Levels = Mapping[str, Mapping[str, int]]
"""By name of the label: its levels, with the number of cells that have each.  Cells without a
label do not count."""


def levels_of_labels(labels: Mapping[str, NDArray[np.str_]]) -> Levels:
    """Levels with their numbers of cells; "" is no level, and unknown no batch and no type."""
    found = {}
    for name, values in labels.items():
        levels, n_cells = np.unique(values, return_counts=True)
        counted = zip(levels.tolist(), n_cells.tolist(), strict=True)
        none = ("",) if name == "perturbation" else ("", UNKNOWN)
        found[name] = {level: n for level, n in counted if level not in none}
    return found


@dataclass(frozen=True, kw_only=True)
class Description:
    """Facts about a dataset that are known before any job runs."""

    n_cells: int
    n_genes: int
    levels: Levels | None = None
    """Of batches, cell types and perturbations; None if they are not known."""
    treatment_genes: bool = True
    """Whether any treatment has the name of a gene."""
    lines: tuple[str, ...] = ()
    """What ``python -m bench check`` prints, one fact per line."""
    findings: tuple[Finding, ...] = ()
    """Mistakes in the parameters that only the file shows."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Every file in ``bench/data`` ends with such a card, named ``DATASET``."""

    label: str
    """Name in figures."""
    config: type
    """Frozen dataclass of its parameters: defaults, ranges, docs."""
    load: Callable[[Any, Mapping[str, Path]], CountData]
    """(config, verified source files by name) -> counts."""
    provides: frozenset[str]
    """Its fields: ``counts`` or ``values``, and names from :data:`LABELS` and :data:`TRUTH`."""
    on_request: frozenset[str] = frozenset()
    """Fields that it provides only if the parameter of the same name is set (the user's
    columns)."""
    sources: tuple[Source, ...] = ()
    describe: Callable[[Any], Description | None] = nothing_known
    """config -> its description, without reading a matrix; None if nothing is known."""
    reference: str

    def fields(self, config: Any) -> frozenset[str]:
        """The fields that this dataset provides under ``config``."""
        return self.provides | {name for name in self.on_request if getattr(config, name)}
