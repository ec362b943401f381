"""What a variant is, and the card a variant file ends with.  Tensors and shapes only."""

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

``counts`` (cell, gene) float; ``observed`` broadcastable to counts, 1 where an entry may be looked
at, else 0 (counts are 0 there); ``batch``, ``cell_type``, ``perturbation`` (cell,) integer codes;
``known_type`` (cell,) code of the cell type where it is known, -1 where it is not.  When a trained
variant is read out no type is known, so what it says of a cell never rests on that cell's label.
With ``perturbation`` comes ``dosage`` (cell, treatment): how much of each treatment a cell was
given, zero in controls.  ``values`` (cell, gene) stand in the place of counts where the data are
real numbers that are no counts.
"""


class Noise(NamedTuple):
    """One random input of a pass: its shape, and the law it is drawn from."""

    shape: tuple[int, ...]
    kind: Literal["normal", "uniform"] = "normal"
    shared: bool = False
    """Whether one draw serves all cells: the noise of a global variable, without a cell axis."""


def _nobody() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """What a variant may know of the training cells when it is built."""

    n_genes: int
    n_train: int
    n_batches: int = 0
    n_cell_types: int = 0
    n_known_types: int = 0
    """Types that some training cell is known to be of."""
    perturbations: tuple[str, ...] = ()
    """What the codes of ``perturbation`` stand for, in their order; the control is among them."""
    n_perturbed: NDArray[np.int64] = field(default_factory=_nobody)
    """(perturbation,) training cells of each."""
    treatments: tuple[str, ...] = ()
    """What the columns of ``dosage`` stand for, in their order."""
    n_treated: NDArray[np.int64] = field(default_factory=_nobody)
    """(treatment,) training cells that were given any of it."""
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
        """The draw that this noise stands for."""


class VariantModule(Protocol):
    """The protocol of a variant: an ``nn.Module`` written for one replicate and one draw.

    No seed axis, no device moves, no logging, no state outside ``__init__``, no ambient randomness.
    """

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """What one pass over ``n_cells`` cells consumes; of every latent under its own name."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """q(latents | x) by name, without noise; the latent that readouts ask for is ``z``."""

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Any:
        """p(x | latents); of a variant that can ``counts`` a count distribution of
        ``bench.parts.nn.distributions``, (cell, gene)."""

    def __call__(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """``forward``: the ledger of these cells for this noise."""


class ClassifierModule(Protocol):
    """What a variant that can ``classes`` follows beside :class:`VariantModule`."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """As in :class:`VariantModule`."""

    def classify(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        """(cell, known type) logits of q(y | latents)."""


class PerturbationModule(Protocol):
    """What a variant that can ``perturbed`` follows beside :class:`VariantModule`."""

    def infer(self, cells: Minibatch) -> Mapping[str, Posterior]:
        """As in :class:`VariantModule`."""

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> Any:
        """p(x) of these cells had they been given each condition, (condition, cell, gene).

        ``conditions`` has ``perturbation`` (condition,) and ``dosage`` (condition, treatment).
        ``cells`` are training controls with ``library`` (cell, 1) beside their fields.  The noise
        is that of one pass over ``cells``: its local part is the basal latents, shared by all
        conditions, which come from the standard normal prior or from ``infer`` (a deterministic
        encoder encodes the cells instead); its shared part stands for one draw of the globals.
        """


class TreatmentLatents(NamedTuple):
    """Where treatments move latents, and how far; rows are what the model has a column for."""

    names: tuple[str, ...]
    mask_probability: Tensor
    """(treatment, latent) that the latent is moved; ones where a model has no mask."""
    embedding: Tensor
    """(treatment, latent) expected move at dosage 1."""


class TreatmentModule(Protocol):
    """What a variant that can ``treatments`` follows beside :class:`VariantModule`."""

    def treatment_latents(self) -> TreatmentLatents:
        """The globals of the treatments at their posterior."""


StateDict = Mapping[str, "Tensor"]


def as_base(pretrained: StateDict, initial: StateDict) -> StateDict:
    """What was pre-trained is the submodule ``base``."""
    return {**initial, **{f"base.{name}": value for name, value in pretrained.items()}}


def accept_all(config: Any, training: Mapping[str, Any]) -> str:
    """Every training suits every configuration."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The card a file in ``bench/models`` ends with, under the name ``VARIANT``."""

    label: str
    needs: frozenset[str]
    """Fields of the minibatch it reads; it is given these and no others."""
    uses: frozenset[str] = frozenset()
    """Fields it reads where the dataset has them, and does without where it has not."""
    can: frozenset[str]
    """Its abilities, which readouts ask of: ``bound`` (the log weights of its ledger are importance
    weights of p(x)), ``counts`` (``generate`` gives a count distribution), ``latent`` (``infer``
    gives ``z``), ``classes``, ``perturbed`` and ``treatments`` (the protocols above)."""
    config: type
    """Frozen keyword-only dataclass: the only source of defaults, ranges and docs."""
    build: Callable[[DataFacts, Any], VariantModule]
    """(facts, config) -> its module, of one replicate."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Training keys it was published with; a study's own keys win."""
    pretrain: Callable[[DataFacts, Any], VariantModule] | None = None
    """(facts, config) -> a module trained first on the same cells, for ``pretrain_epochs``."""
    from_pretrained: Callable[[StateDict, StateDict], StateDict] = as_base
    """(what pre-training came to, how the variant's own module is initialised) -> what the latter
    starts from; both are the state dict of one replicate."""
    reinitialise: Callable[[StateDict], StateDict] | None = None
    """The state of one replicate -> one to go on from, every ``restart_epochs``."""
    validate: Callable[[Any, Mapping[str, Any]], str] = accept_all
    """(config, training keys) -> why the two do not go together; empty where they do."""
    reference: str
    role: ClassVar[str] = "competitor"
    """As a baseline's: no variant is a control."""
    deterministic: ClassVar[bool] = False
    """As a baseline's: every variant is trained once per seed."""
