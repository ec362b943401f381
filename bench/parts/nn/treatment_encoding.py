"""Encodings of treatments: columns of a dosage matrix, with numbers of training cells.

    additive    a column per treatment; a combination is the sum of its treatments
    unique      a column per perturbation except the control; a combination has its own column, with
                the largest of its dosages

Source: Bereket and Karaletsos 2023, arXiv 2311.02794 (``encode_combos_as_unique``).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.core.dataset import CONTROL
from bench.core.variant import DataFacts, Minibatch

Encoding = Literal["additive", "unique"]


class TreatmentEncoding(nn.Module):
    """(cell, column) dosages; ``seen`` (column,) is 1 for columns with training cells, else 0."""

    seen: Tensor
    n_cells: Tensor
    treated_index: Tensor

    def __init__(self, facts: DataFacts, encoding: Encoding) -> None:
        super().__init__()
        self.encoding, self.n_perturbations = encoding, len(facts.perturbations)
        treated = [index for index, name in enumerate(facts.perturbations) if name != CONTROL]
        n_cells = facts.n_treated if encoding == "additive" else facts.n_perturbed[treated]
        names = [facts.perturbations[index] for index in treated]
        self.names = facts.treatments if encoding == "additive" else tuple(names)
        self.n_columns = len(self.names)
        self.register_buffer("n_cells", torch.tensor(n_cells, dtype=torch.float32))
        self.register_buffer("seen", (self.n_cells > 0).float())
        self.register_buffer("treated_index", torch.tensor(treated, dtype=torch.long))

    def forward(self, cells: Minibatch) -> Tensor:
        """(…, column) dosages of these cells."""
        dosage = cells["dosage"]
        if self.encoding == "additive":
            return dosage
        own = one_hot(cells["perturbation"], self.n_perturbations)[..., self.treated_index]
        return own * dosage.amax(-1, keepdim=True)
