"""The end of a strict study: an error that lists every failed run."""

from pathlib import Path

import pandas as pd

from bench.core.errors import Finding, UserError
from bench.jobs.logged import logged
from bench.results.records import write_record


@logged
def check_failures(runs: str, record: str) -> None:
    """Raises UserError with every replicate whose status is not ``ok``."""
    table = pd.read_csv(runs, keep_default_na=False)
    findings = [
        Finding(
            f"{row.dataset} {row.task} {row.split} {row.run} seed {row.seed}",
            row.status,
            str(row.reason),
        )
        for row in table[table["status"] != "ok"].itertuples()
    ]
    if findings:
        heading = f"This study is strict, and {len(findings)} of {len(table)} runs failed:"
        raise UserError(heading, findings)
    write_record(Path(record), {"runs": len(table)})
