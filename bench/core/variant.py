"""The protocols of a variant, and the card at the end of a variant file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from bench.core.ledger import LossTerms

Minibatch = Mapping[str, "Tensor"]
"""The declared fields of some cells.

``counts`` (cell, gene) float; ``observed`` broadcastable to counts, 1 for visible entries, else 0
(counts are 0 there); ``batch``, ``cell_type``, ``perturbation`` (cell,) integer codes;
``known_type`` (cell,) code of the cell type of labelled cells, -1 for all others.  In readouts it
is -1 for all cells, so that the readout of a cell does not depend on its label.  A variant that
needs ``perturbation`` also receives ``dosage`` (cell, treatment): the dosage of each treatment,
zero in controls.  ``values`` (cell, gene) replaces ``counts`` for real-valued data.
"""

ENTRIES = "entries"
"""Field that a minibatch may have beside ``counts`` and ``observed``: the non-zero counts, which
``log_likelihood`` of a count law reads (:class:`bench.parts.nn.fused_likelihood.CountEntries`)."""


class Noise(NamedTuple):
    """One random input of a pass: its shape and its distribution."""

    shape: tuple[int, ...]
    kind: Literal["normal", "uniform"] = "normal"
    shared: bool = False
    """Whether all cells share one draw: the noise of a global variable, without a cell axis."""


def _nobody() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Statistics of the training cells that a variant receives when it is built."""

    n_genes: int
    n_train: int
    n_batches: int = 0
    n_cell_types: int = 0
    n_known_types: int = 0
    """Number of types of the labelled training cells."""
    perturbations: tuple[str, ...] = ()
    """Names of the codes of ``perturbation``, in their order, with the control."""
    n_perturbed: NDArray[np.int64] = field(default_factory=_nobody)
    """(perturbation,) number of training cells."""
    treatments: tuple[str, ...] = ()
    """Names of the columns of ``dosage``, in their order."""
    n_treated: NDArray[np.int64] = field(default_factory=_nobody)
    """(treatment,) number of treated training cells."""
    gene_mean: NDArray[np.float32]
    """(gene,) mean of the observed training counts."""
    gene_sd: NDArray[np.float32]
    """(gene,) their standard deviation."""
    gene_max: NDArray[np.float32]
    """(gene,) their maximum."""
    log_moments: tuple[NDArray[np.float32], NDArray[np.float32]]
    """(gene,) mean and standard deviation of log(1 + count), observed training entries."""
    log_library: NDArray[np.float32]
    """(batch, 2) mean and variance of the log library sizes of a batch's training cells, the
    variance no smaller than 1e-4; those of all training cells for a batch with fewer than two; one
    row where there are no batches.  Of values that
    are no counts the two log moments are those of the values, and there is no library."""


class Posterior(Protocol):
    """q(latent | x) of some cells, (cell, dimension)."""

    @property
    def mean(self) -> Tensor:
        """The plug-in value."""

    def at(self, noise: Tensor) -> Tensor:
        """The draw for this noise."""


class VariantModule(Protocol):
    """The protocol of a variant: an ``nn.Module`` written for one replicate and one draw.

    It has no replicate axis, device moves, logging, attributes set outside ``__init__`` or random
    numbers other than its noise.
    """

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """The noise of one pass over ``n_cells`` cells, by the name of the latent."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """q(latents | x) by name, without noise; the latent of the readouts is ``z``."""

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Any:
        """p(x | latents); with the ability ``counts`` a count distribution of
        ``bench.parts.nn.distributions``, (cell, gene)."""

    def __call__(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """``forward``: the ledger of these cells for this noise."""


class ClassifierModule(Protocol):
    """Additional protocol of a variant with the ability ``classes``."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """As in :class:`VariantModule`."""

    def classify(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        """(cell, known type) logits of q(y | latents)."""


class PerturbationModule(Protocol):
    """Additional protocol of a variant with the ability ``perturbed``."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """As in :class:`VariantModule`."""

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> Any:
        """p(x) of these cells under each condition, (condition, cell, gene).

        ``conditions`` has ``perturbation`` (condition,) and ``dosage`` (condition, treatment).
        ``cells`` are training controls with the additional field ``library`` (cell, 1).  The noise
        is that of one pass over ``cells``: its local part is the basal latents, shared by all
        conditions, from the standard normal prior or from ``infer`` (a deterministic encoder
        encodes the cells instead); its shared part gives one draw of the globals.
        """


class TreatmentLatents(NamedTuple):
    """Shifts of the latents by treatments; one row per treatment column of the model."""

    names: tuple[str, ...]
    mask_probability: Tensor
    """(treatment, latent) probability of a shift; ones for a model without masks."""
    embedding: Tensor
    """(treatment, latent) expected shift at dosage 1."""


class TreatmentModule(Protocol):
    """Additional protocol of a variant with the ability ``treatments``."""

    def treatment_latents(self) -> TreatmentLatents:
        """Posterior summaries of the treatments."""


StateDict = Mapping[str, "Tensor"]


def as_base(pretrained: StateDict, initial: StateDict) -> StateDict:
    """The pre-trained module becomes the submodule ``base``."""
    return {**initial, **{f"base.{name}": value for name, value in pretrained.items()}}


def accept_all(config: Any, training: Mapping[str, Any]) -> str:
    """Accepts every combination of training keys and hyperparameters."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Every file in ``bench/models`` ends with such a card, named ``VARIANT``."""

    label: str
    needs: frozenset[str]
    """Required fields of the minibatch; it receives only these and ``uses``."""
    uses: frozenset[str] = frozenset()
    """Optional fields, which it receives if the dataset has them."""
    can: frozenset[str]
    """Its abilities, which readouts require: ``bound`` (the log weights of its ledger are
    importance weights of p(x)), ``counts`` (``generate`` returns a count distribution), ``latent``
    (``infer`` returns ``z``), ``classes``, ``perturbed`` and ``treatments`` (the protocols
    above)."""
    config: type
    """Frozen keyword-only dataclass: the only source of defaults, ranges and docs."""
    build: Callable[[DataFacts, Any], VariantModule]
    """(facts, config) -> the module of one replicate."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Published training keys; keys of the study override them."""
    pretrain: Callable[[DataFacts, Any], VariantModule] | None = None
    """(facts, config) -> a module trained first on the same cells, for ``pretrain_epochs``."""
    from_pretrained: Callable[[StateDict, StateDict], StateDict] = as_base
    """(state after pre-training, initial state of the variant's own module) -> first state of that
    module; state dicts of one replicate."""
    reinitialise: Callable[[StateDict], StateDict] | None = None
    """State of one replicate -> state from which it continues, every ``restart_epochs``."""
    validate: Callable[[Any, Mapping[str, Any]], str] = accept_all
    """(config, training keys) -> reason why they are incompatible; empty if compatible."""
    reference: str
    role: ClassVar[str] = "competitor"
    """As for a baseline: no variant is a control."""
    deterministic: ClassVar[bool] = False
    """As for a baseline: every variant is trained once per seed."""
