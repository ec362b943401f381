"""Descriptions of the datasets of a study, read once however often they are asked for."""

from typing import TYPE_CHECKING, Any

from bench.core.dataset import Description
from bench.core.errors import UserError

if TYPE_CHECKING:
    from bench.planning.entries import Entry


class Descriptions:
    """Opens users' files when they are first asked for; reads no matrix."""

    def __init__(self) -> None:
        self._found: dict[str, Description | UserError | None] = {}

    def of(self, label: str, card: Any, config: Any) -> Description | None:
        """The description of a dataset; None if nothing is known before it is prepared.

        Raises :class:`UserError` if the file cannot be read.
        """
        if label not in self._found:
            try:
                self._found[label] = card.describe(config)
            except UserError as error:
                self._found[label] = error
        found = self._found[label]
        if isinstance(found, UserError):
            raise found
        return found

    def usable(self, dataset: "Entry") -> Description | None:
        """The description of a dataset without mistakes; the job that prepares it reports these."""
        try:
            found = self.of(dataset.label, dataset.card, dataset.config)
        except UserError:
            return None
        return None if found is None or found.findings else found
