"""What a user's ``.h5ad`` file is like, without its matrix: for ``check`` and for the plan."""

from bench.core.dataset import LABELS, Description, levels_of_labels
from bench.core.errors import Finding, UserError
from bench.data._cleaning import not_counts
from bench.data._genes import named_genes
from bench.data._h5ad_config import H5adConfig
from bench.data._h5ad_labels import FileLabels, file_labels
from bench.data._levels import alike, levels_line
from bench.data._noticed import matching_genes, n_treatment_genes
from bench.data._rare import frequent
from bench.data._reader import Asked, read_elements
from bench.parts.splits.confounding import confounded


def describe(config: H5adConfig) -> Description:
    """Cells, genes, labels with their sizes, and mistakes; of the matrix, a sample is read.

    Raises :class:`UserError` for an element that cannot be read.
    """
    read = file_labels(config, matrix=False)
    kept, removed = frequent(read.named.perturbation, config.min_cells)
    n_genes, perturbation = len(read.cells.gene_names), read.named.perturbation[kept]
    columns = {
        name: values[kept] if len(kept) else values
        for name, values in read.labels.items()
        if name in LABELS
    }
    treatment_genes, matching = False, list[str]()
    if len(perturbation):
        columns["perturbation"] = perturbation
        gene_names, _ = named_genes(read.cells, config.gene_names)
        # Which genes are kept depends on the counts.
        chosen = config.n_top_genes and config.n_top_genes < n_genes
        treatment_genes = bool(chosen or n_treatment_genes(perturbation, gene_names))
        matching = matching_genes(perturbation, gene_names, config.gene_names)
    return Description(
        n_cells=len(perturbation) if len(kept) else int(read.keep.sum()),
        n_genes=min(n_genes, config.n_top_genes or n_genes),
        levels=levels_of_labels(columns),
        treatment_genes=treatment_genes,
        lines=(
            f"counts in {config.counts}",
            *(levels_line(name, getattr(config, name), found) for name, found in columns.items()),
            *_empty_cells(read),
            *(*read.filter_repairs, *read.repairs, *read.named.repairs, *removed, *matching),
            *(note for name, found in columns.items() for note in alike(name, found)),
            *confounded(columns),
            *_genes_kept(config, n_genes),
        ),
        findings=(*_without_counts(read, config), *_not_counts(read, config), *read.findings),
    )


def other_counts(config: H5adConfig, places: list[str]) -> str:
    """Which other matrices of the file look like counts, as advice."""
    fitting = [one for one in places if one != config.counts and _looks_like_counts(config, one)]
    if fitting:
        return f"these look like counts: {', '.join(f'set counts: {place}' for place in fitting)}"
    return "no other matrix in the file looks like counts"


def _looks_like_counts(config: H5adConfig, place: str) -> bool:
    try:
        sample = read_elements(Asked(path=config.path, counts=place, matrix=False)).sample
    except UserError:
        return False
    return sample is not None and not not_counts(sample.entries)


def _not_counts(read: FileLabels, config: H5adConfig) -> list[Finding]:
    sample = read.cells.sample
    if sample is None or not sample.entries.any() or not (faults := not_counts(sample.entries)):
        return []
    place, advice = f"{config.path}: {config.counts}", other_counts(config, read.cells.places)
    return [Finding(place, None, f"in its first entries, {one}", advice) for one in faults]


def _empty_cells(read: FileLabels) -> list[str]:
    n_empty = _n_empty(read)
    return [f"{n_empty:,} cells have no counts; they are removed"] if n_empty else []


def _n_empty(read: FileLabels) -> int:
    sample = read.cells.sample
    return int(read.keep[sample.empty].sum()) if sample else 0


def _without_counts(read: FileLabels, config: H5adConfig) -> list[Finding]:
    """A finding for a file without cells, genes or counts."""
    shape = (len(read.cells.cell_names), len(read.cells.gene_names))
    place = f"{config.path}: {config.counts}"
    if 0 in shape:
        has = f"has no entries: {shape[0]:,} cells and {shape[1]:,} genes"
        return [Finding(place, None, has)]
    if read.keep.any() and _n_empty(read) == read.keep.sum():
        return [Finding(place, None, "no cell has any counts")]
    return []


def _genes_kept(config: H5adConfig, n_genes: int) -> list[str]:
    if config.n_top_genes <= n_genes:
        return []
    return [f"n_top_genes is {config.n_top_genes:,}: all {n_genes:,} genes of the file are kept"]
