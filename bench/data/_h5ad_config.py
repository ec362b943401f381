"""The parameters of a user's ``.h5ad`` file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from bench.core.dataset import CONTROL
from bench.data._labels import Words


@dataclass(frozen=True, kw_only=True)
class H5adConfig:
    """The places of counts and labels in the file, and how labels are written."""

    path: str
    """The file; paths are relative to the folder where snakemake runs."""
    counts: str = "X"
    """The place of the counts: ``X``, ``raw``, or the name of a layer; ``layers/raw`` for a layer
    that is called ``raw``."""
    batch: str = ""
    """Column of ``obs``; empty without such a column."""
    cell_type: str = ""
    """Column of ``obs``; empty without such a column."""
    perturbation: str = ""
    """Column of ``obs``; empty without such a column."""
    control: Words = CONTROL
    """The label of control cells, ignored as a part of a combination; a list is one set of
    controls. ``nan`` means the cells without a label."""
    separator: str = ""
    """What joins the parts of a combination; ``none`` if labels are never combinations. Empty
    means +, and labels that this would split wrongly are refused."""
    dose_separator: str = ""
    """What precedes a dosage in a label; ``none`` if labels have no dosage. Empty means @."""
    dosage: str = ""
    """Column of ``obs`` with the dosage of each part, joined by + like the parts; empty for 1."""
    min_cells: Annotated[int, Ge(0)] = 0
    """Leave out perturbations with fewer cells than this; controls stay."""
    keep: Words = ""
    """Words for a missing value, such as ``nan`` or ``NA``, that are labels in this file."""
    unknown: Words = ""
    """Labels of batch and cell type that mean no label, such as ``Unassigned``."""
    where: Mapping[str, Words | bool] = field(default_factory=dict)
    """Use only cells with this label (or one of a list) in a column of ``obs``: ``{qc: pass}``."""
    gene_names: str = ""
    """Column of ``var`` with the symbols of genes; empty for the names of ``var``."""
    n_top_genes: Annotated[int, Ge(0)] = 0
    """Keep the genes with the largest Poisson deviance; 0 keeps all."""

    def __post_init__(self) -> None:
        layer = self.counts.removeprefix("layers/")
        if layer not in ("X", "raw"):
            object.__setattr__(self, "counts", layer)
