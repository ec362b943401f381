"""Choice of labelled cells: a random sample within each type, or labels from marker genes.

    s_ic = sum_g sign_cg (y_ig - mean_g) / sd_g        y_ig = log(1 + 10,000 x_ig / sum_g x_ig)

Mean and standard deviation are over the candidate cells.  The cells with the highest s_ic get the
label c; a cell selected by several classes gets the last of them, as published.  Such labels may be
wrong.
Source: the seed labels of Pyro's scANVI example, after Xu et al. 2021, doi:10.15252/msb.20209620.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from bench.core.errors import Finding, UserError, suggestion

Array = NDArray[Any]

DEPTH = 10_000
"""Library size after normalisation, for marker scores."""

SPELLING = "spell it 'class: GENE OTHER -ABSENT'"


class Marker(NamedTuple):
    """The positive and the negative marker genes of a class."""

    kind: str
    genes: tuple[str, ...]
    signs: tuple[float, ...]


def sample_labelled(
    kinds: Array, among: NDArray[np.bool_], wanted: Callable[[int], int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows, ascending: ``wanted(n)`` of the n cells of each kind ``among`` these, or all if fewer.

    The choice uses one shuffle of all cells, so that a larger number only adds cells.
    """
    order = rng.permutation(len(kinds))
    order = order[among[order]]
    of_kind = [order[kinds[order] == kind] for kind in np.unique(kinds[among])]
    return np.sort(np.concatenate([rows[: wanted(len(rows))] for rows in of_kind]))


def markers(items: Sequence[str]) -> tuple[Marker, ...]:
    """Parse items such as ``"CD8 naive: CD8B CCR7 -CD4"``.  Raises with every invalid item."""
    parsed = [_parsed(item) for item in items]
    findings = [
        Finding("markers", item, "names no class and no genes", SPELLING)
        for item, marker in zip(items, parsed, strict=True)
        if not marker.kind or not all(marker.genes) or not marker.genes
    ]
    names = [marker.kind for marker in parsed]
    findings += [
        Finding("markers", name, "has markers twice", "name every class once")
        for name in sorted({name for name in names if name and names.count(name) > 1})
    ]
    if findings:
        raise UserError("These markers cannot be read:", findings)
    return tuple(parsed)


def refuse_unknown(given: Sequence[Marker], gene_names: Array, kinds: Sequence[str]) -> None:
    """Raise with every gene and class that the data lack, and every class without markers."""
    there, named = set(gene_names.tolist()), [marker.kind for marker in given]
    many = f"there are {len(there):,} genes; were some left out when genes were chosen?"
    findings = [
        Finding(f"markers: {m.kind}", gene, "no such gene", suggestion(gene, list(there), many))
        for m in given
        for gene in m.genes
        if gene not in there
    ]
    findings += [
        Finding("markers", name, "no cell to be told is of this type", suggestion(name, kinds))
        for name in named
        if name not in kinds
    ]
    findings += [
        Finding("markers", None, f"none for {name!r}", "give every type its markers")
        for name in kinds
        if name not in named
    ]
    if findings:
        raise UserError("These markers do not fit the data:", findings)


def marked(
    given: Sequence[Marker], counts: csr_matrix, gene_names: Array, n_cells: int
) -> NDArray[np.str_]:
    """(cell,) the class label for ``n_cells`` cells of each class, "" for the others.

    Raises if later classes take all cells of a class.
    """
    label = np.full(counts.shape[0], "", dtype=f"U{max(len(marker.kind) for marker in given)}")
    column = {name: number for number, name in enumerate(gene_names.tolist())}
    depth = np.asarray(counts.sum(1), dtype=float).ravel()
    scaled = csr_matrix(diags(DEPTH / np.maximum(depth, 1)) @ counts.astype(float)).log1p().tocsc()
    for marker in given:
        logs = scaled[:, [column[gene] for gene in marker.genes]].toarray()
        score = _standardised(logs) @ np.array(marker.signs)
        label[np.argsort(-score, kind="stable")[:n_cells]] = marker.kind
    _refuse_overruled([marker.kind for marker in given if marker.kind not in label])
    return label


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns with mean 0 and variance 1; a constant gene becomes 0."""
    centred, sd = values - values.mean(0), values.std(0)
    return np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)


def _refuse_overruled(kinds: Iterable[str]) -> None:
    findings = [
        Finding("markers", kind, "all its cells go to classes named later", "name it last")
        for kind in kinds
    ]
    if findings:
        raise UserError("These markers tell no cell of a class:", findings)


def _parsed(item: str) -> Marker:
    kind, _, words = item.rpartition(": ")
    genes = tuple(word.removeprefix("-") for word in words.split())
    signs = tuple(-1.0 if word.startswith("-") else 1.0 for word in words.split())
    return Marker(kind.strip(), genes, signs)
