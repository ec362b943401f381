"""Checks that the sources of a job have not changed since the study was planned.

A user may edit a model while a study runs.  Without this check, a result from the edited source
would carry the key of the planned source, and would stay valid after the edit is reverted.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import mistake
from bench.planning.fingerprint import PACKAGE, code_of, sources

State = dict[Path, tuple[int, int]]
"""Per file: when it was written, and its size."""


@dataclass(frozen=True)
class Sources:
    """The sources of a job: its rule's file and its contributions, in the order of the plan."""

    rule: str
    files: tuple[Path, ...]
    code: str
    """Their digest in the plan."""

    def need_planned(self) -> State:
        """The state of the files.  Raises UserError if their digest differs from the plan."""
        found = self._state()
        if code_of(self.rule, *self.files) != self.code:
            raise mistake(
                f"the source of {self.rule}",
                None,
                "was edited while the study ran",
                "run the same command again: it makes a new plan",
            )
        return found

    def need_unchanged(self, before: State) -> None:
        """Raises UserError if a file was edited since, even if the edit was reverted."""
        now = self.need_planned()
        for path, state in now.items():
            if before.get(path) != state:
                raise mistake(
                    str(path), None, "was edited while a job used it", "run the same command again"
                )

    def _state(self) -> State:
        found = sources(PACKAGE / "jobs" / f"{self.rule}.py", *self.files)
        return {path: ((status := path.stat()).st_mtime_ns, status.st_size) for path in found}
