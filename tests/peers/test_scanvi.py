"""With the same weights our scANVI gives scvi-tools' loss, term by term."""

import warnings

import numpy as np
import pytest
import torch
from running_statistics import with_some_statistics

from bench.catalogue import card
from bench.training.cells import facts_of, on_device
from benchmarks.names_of_scvi_tools import our_names, renamed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    scanvae = pytest.importorskip("scvi.module", reason="needs the optional extra 'peers'").SCANVAE

PLACES = (
    ("encoder_z2_z1.encoder.fc_layers.Layer ", "typed.within.tower.layers."),
    ("encoder_z2_z1.mean_encoder", "typed.within.mean"),
    ("encoder_z2_z1.var_encoder", "typed.within.log_variance"),
    ("decoder_z1_z2.decoder.fc_layers.Layer ", "typed.prior.tower.layers."),
    ("decoder_z1_z2.mean_decoder", "typed.prior.mean"),
    ("decoder_z1_z2.var_decoder", "typed.prior.log_variance"),
    ("classifier.classifier.0.fc_layers.Layer ", "classifier.tower.layers."),
    ("classifier.classifier.1", "classifier.logits"),
)


def scanvi_names(state):
    """SCANVAE's state under the names of our ``scanvi``."""
    base = {f"base.scvi.{name}": value for name, value in our_names(state).items()}
    return base | renamed(state, PLACES)


@pytest.fixture(scope="module", params=[False, True], ids=["observed library", "latent library"])
def pair(problems, request):
    """The problem, scvi-tools' module and ours with its weights, both in evaluation mode."""
    problem, latent_library = problems["few_labels"], request.param
    variant, facts = card("models", "scanvi"), facts_of(problem)
    torch.manual_seed(0)
    theirs = scanvae(
        n_input=facts.n_genes,
        n_batch=facts.n_batches,
        n_labels=facts.n_known_types,
        use_observed_lib_size=not latent_library,
        library_log_means=facts.log_library[None, :, 0],
        library_log_vars=facts.log_library[None, :, 1],
    ).eval()
    with_some_statistics(theirs)
    ours = variant.build(facts, variant.config(latent_library=latent_library)).eval()
    wanted, state = ours.state_dict(), scanvi_names(theirs.state_dict())
    assert not set(wanted) - set(state) - {"base.scvi.library_prior.moments"}
    ours.load_state_dict({**wanted, **{k: v for k, v in state.items() if k in wanted}})
    return problem, theirs, ours


def test_the_loss_agrees_term_by_term(pair, monkeypatch):
    """At the posterior means; what scvi-tools draws by itself is replaced by its mean too."""
    problem, theirs, ours = pair
    rows = torch.arange(problem.counts.shape[0])
    cells = on_device(problem, card("models", "scanvi"), torch.device("cpu")).minibatch(rows)
    monkeypatch.setattr(torch.distributions.Normal, "rsample", lambda self, *_: self.loc)
    with torch.no_grad():
        x, batch = cells["counts"], cells["batch"][:, None]
        tensors = {"X": x, "batch": batch, "labels": cells["known_type"].clamp_min(0)[:, None]}
        inferred = theirs.inference(x, batch)
        inferred["z"] = inferred["qz"].loc
        if inferred["ql"] is not None:
            inferred["library"] = inferred["ql"].loc
        generated = theirs.generative(inferred["z"], inferred["library"], batch)
        told = cells["known_type"] >= 0
        labelled = {name: value[told] for name, value in tensors.items()}
        expected = theirs.loss(
            tensors, inferred, generated, labelled_tensors=labelled, classification_ratio=50
        )
        noise = {name: torch.zeros(wanted.shape) for name, wanted in ours.noise(len(rows)).items()}
        found = ours(cells, noise)
    local = found.local
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(
        local["reconstruction"] + local["prior_z"],
        expected.reconstruction_loss["reconstruction_loss"],
        **close,
    )
    np.testing.assert_allclose(
        local["kl_u"] + local["kl_type"] + local.get("library_kl", 0),
        expected.kl_local["kl_local"],
        **close,
    )
    np.testing.assert_allclose(
        found.penalty["classification"], 50 * expected.classification_loss, **close
    )
    total = sum(local.values()).mean() + found.penalty["classification"]
    np.testing.assert_allclose(total, expected.loss, **close)
