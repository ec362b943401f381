"""Are the sources that a job imports still those it was planned with?

A study may run for days, and its user goes on editing.  A result that was made by other sources
than its key says would be taken for current for ever, even after the edit was taken back.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import mistake
from bench.planning.fingerprint import PACKAGE, code_of, sources

State = dict[Path, tuple[int, int]]
"""Per file: when it was written, and its size."""


@dataclass(frozen=True)
class Sources:
    """What a job imports: its rule's file and the contributions it uses, in the plan's order."""

    rule: str
    files: tuple[Path, ...]
    code: str
    """Their digest in the plan."""

    def need_planned(self) -> State:
        """Their state now.  Raises UserError where they are not what the plan was made with."""
        found = self._state()
        if code_of(self.rule, *self.files) != self.code:
            raise mistake(
                f"the source of {self.rule}",
                None,
                "was edited while the study ran",
                "type the same command again: the study is planned anew",
            )
        return found

    def need_unchanged(self, before: State) -> None:
        """Raises UserError where they were edited since, though the edit may be taken back."""
        now = self.need_planned()
        for path, state in now.items():
            if before.get(path) != state:
                raise mistake(
                    str(path), None, "was edited while a job used it", "type the same command again"
                )

    def _state(self) -> State:
        found = sources(PACKAGE / "jobs" / f"{self.rule}.py", *self.files)
        return {path: ((status := path.stat()).st_mtime_ns, status.st_size) for path in found}
