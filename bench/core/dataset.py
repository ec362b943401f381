"""What a dataset is, and the card a dataset file ends with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

LABELS = ("batch", "cell_type", "perturbation")
"""The columns that may describe a cell, under the names every task and model knows them by."""

KNOWN_TYPE = "known_type"
"""The cell type where a task tells it, "" in every cell where it does not: what tasks that hide
labels give in place of ``cell_type``."""

UNKNOWN = "unknown"
"""The label of a cell that has none."""

CONTROL = "control"
"""The perturbation of a cell that was not perturbed; see ``parts.perturbations.treatments``."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that are this machine."""

Measured = Literal["counts", "values"]
"""What a matrix holds: counts, or real numbers that are no counts (a simulation's)."""

TRUTH = (
    *("rate", "mean", "inverse_dispersion", "second_draw", "observed"),
    *("true_mask", "true_embedding", "true_latent", "true_effect"),
)
"""What only a simulation knows.

``rate`` and ``mean`` are (cell, gene): the Poisson rate of every entry, and its expectation given
the latent factors alone; ``inverse_dispersion`` is the shape of the Gamma noise between the two,
``()`` or (gene,); ``second_draw`` is an independent draw of counts at the same rates; ``observed``
(cell, gene, bool) is the simulation's own mask.

Of perturbations, treatments in alphabetical order: ``true_mask`` (treatment, latent, bool) says
which latents a treatment moves, and ``true_embedding`` (treatment, latent) how far at dosage 1, 0
where it does not; ``true_latent`` (cell, latent) is what the cell's expression was made of, moves
included; ``true_effect`` (perturbation, gene) is the expected effect of every perturbation but the
control, these in alphabetical order, in the units of :mod:`bench.parts.perturbations.effects`.
"""


@dataclass(frozen=True, kw_only=True)
class CountData:
    """Counts with whatever is known of the cells."""

    counts: csr_matrix
    """(cell, gene), non-negative integers; any real numbers where ``measured`` says values."""
    cell_names: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    labels: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    """(cell,) each, names from :data:`LABELS`."""
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Names from :data:`TRUTH`; empty for real data."""
    repairs: tuple[str, ...] = ()
    """What was changed on the way in, one sentence each; shown in the report."""
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


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The card a file in ``bench/data`` ends with, under the name ``DATASET``."""

    label: str
    """How figures call it."""
    config: type
    """Frozen dataclass of its parameters: defaults, ranges, docs."""
    load: Callable[[Any, Mapping[str, Path]], CountData]
    """(config, verified source files by name) -> counts."""
    provides: frozenset[str]
    """Of ``counts`` or ``values``, :data:`LABELS` and :data:`TRUTH`."""
    on_request: frozenset[str] = frozenset()
    """Fields provided only when the parameter of the same name is given (the user's columns)."""
    sources: tuple[Source, ...] = ()
    reference: str

    def fields(self, config: Any) -> frozenset[str]:
        """What this dataset provides under ``config``."""
        return self.provides | {name for name in self.on_request if getattr(config, name)}
