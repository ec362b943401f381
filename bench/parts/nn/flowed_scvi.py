"""scVI with a flow on q(z | x) and the prior N(0, I): the base of the models with labels.

    z = T(z0),  z0 ~ Normal(m(x), s(x))      - ELBO = - log p(x | z, l) + kl_z + library_kl

Those models have it as their submodule ``base`` with another prior on z; pre-training uses it with
N(0, I).  Without a flow the KL is in closed form.
Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; SCANVI in scvi-tools also starts from
scVI.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.flows import Flow, FlowedGaussian
from bench.parts.nn.latents import at_draw, log_standard_normal
from bench.parts.nn.scvi import Counts, ScviHyperparameters
from bench.parts.nn.scvi_model import ScviModel


class FlowedScvi(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, settings: ScviHyperparameters, flow: Flow) -> None:
        super().__init__()
        self.scvi = ScviModel(facts, settings)
        self.flow = flow

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """The noise of the encoders."""
        return self.scvi.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian | FlowedGaussian]:
        """q(z | x) and, with a latent library, q(l | x)."""
        posterior = self.scvi.infer(cells)
        return {**posterior, "z": FlowedGaussian(posterior["z"], self.flow)}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Counts:
        """p(x | z, l), (cell, gene)."""
        return self.scvi.generate(latents, cells)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """The ledger under the prior N(0, I)."""
        q, latents, log_q, terms = self.explained(cells, noise)
        log_prior = log_standard_normal(latents["z"])
        terms.local["kl_z"] = log_q - log_prior if self.flow.steps else q.base.kl_to_standard()
        return terms._replace(log_weight=terms.log_weight + log_prior - log_q)

    def explained(
        self, cells: Minibatch, noise: Mapping[str, Tensor]
    ) -> tuple[FlowedGaussian, dict[str, Tensor], Tensor, LossTerms]:
        """q(z | x), a draw of the latents, its log q(z | x), and a ledger without terms of z.

        The ledger has the reconstruction and, with a latent library size, its KL (no warm-up).
        """
        posterior = self.scvi.inference(cells, noise)
        q = FlowedGaussian(posterior.pop("z"), self.flow)
        z, log_q = q.draw(noise["z"])
        latents = {"z": z, **at_draw(posterior, noise)}
        log_weight = self.scvi.log_likelihood(latents, cells)
        local = {"reconstruction": -log_weight}
        if self.scvi.library_prior:
            library, prior = posterior["library"], self.scvi.library_prior(cells)
            local["library_kl"] = library.kl_to(prior)
            sampled = latents["library"]
            log_weight = log_weight + prior.log_prob(sampled) - library.log_prob(sampled)
        return q, latents, log_q, LossTerms.of(local, log_weight)
