"""With the same weights our scVI gives scvi-tools' terms, for every likelihood and dispersion."""

import warnings

import numpy as np
import pytest
import torch
from running_statistics import with_some_statistics

from bench.catalogue import card
from bench.core.problem import Problem
from bench.training.cells import facts_of, on_device
from benchmarks.names_of_scvi_tools import our_names

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    vae = pytest.importorskip("scvi.module", reason="needs the optional extra 'peers'").VAE

CASES = [
    *(("zinb", dispersion) for dispersion in ("gene", "gene-batch", "gene-label", "gene-cell")),
    ("nb", "gene"),
    ("nb", "gene-cell"),
    ("poisson", "gene"),
]


@pytest.fixture(scope="module")
def problem(problems: dict[str, Problem]) -> Problem:
    """Cells with batches and cell types."""
    return problems["held_out_cells"]


def pair(problem, likelihood, dispersion, latent_library):
    """scvi-tools' module and ours with its weights, both in evaluation mode."""
    variant, facts = card("models", "scvi"), facts_of(problem)
    config = variant.config(
        likelihood=likelihood, dispersion=dispersion, latent_library=latent_library
    )
    torch.manual_seed(0)
    theirs = vae(
        n_input=facts.n_genes,
        n_batch=facts.n_batches,
        n_labels=facts.n_cell_types,
        gene_likelihood=likelihood,
        dispersion=dispersion,
        use_observed_lib_size=not latent_library,
        library_log_means=facts.log_library[None, :, 0],
        library_log_vars=facts.log_library[None, :, 1],
    ).eval()
    with_some_statistics(theirs)
    ours = variant.build(facts, config).eval()
    state = our_names(theirs.state_dict())
    wanted = ours.state_dict()
    kept = {name: value for name, value in state.items() if name in wanted}
    missing = set(wanted) - set(kept) - {"library_prior.moments"}
    assert not missing
    ours.load_state_dict({**wanted, **kept})
    return theirs, ours


def their_terms(theirs, cells):
    """Reconstruction, KL of z, KL of the library at the posterior means, (cell,) nats."""
    x, batch = cells["counts"], cells["batch"][:, None]
    inferred = theirs.inference(x, batch)
    z = inferred["qz"].loc
    library = inferred["library"] if inferred["ql"] is None else inferred["ql"].loc
    generated = theirs.generative(z, library, batch, y=cells["cell_type"][:, None])
    kl = torch.distributions.kl_divergence
    kl_z = kl(inferred["qz"], generated["pz"]).sum(1)
    kl_library = torch.zeros(len(x))
    if inferred["ql"] is not None:
        kl_library = kl(inferred["ql"], generated["pl"]).sum(1)
    return -generated["px"].log_prob(x).sum(-1), kl_z, kl_library


@pytest.mark.parametrize("latent_library", [False, True])
@pytest.mark.parametrize(("likelihood", "dispersion"), CASES)
def test_terms_agree(problem, likelihood, dispersion, latent_library):
    theirs, ours = pair(problem, likelihood, dispersion, latent_library)
    rows = torch.arange(problem.counts.shape[0])
    cells = on_device(problem, card("models", "scvi"), torch.device("cpu")).minibatch(rows)
    noise = {name: torch.zeros(wanted.shape) for name, wanted in ours.noise(len(rows)).items()}
    with torch.no_grad():
        terms = ours(cells, noise).local
        expected = their_terms(theirs, cells)
    found = [
        terms["reconstruction"],
        terms["kl_z"],
        terms.get("library_kl", torch.zeros(len(rows))),
    ]
    for mine, other in zip([*found, sum(found)], [*expected, sum(expected)], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)
