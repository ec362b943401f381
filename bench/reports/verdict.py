"""Whether every run of a study went well: for those whose study is strict."""

from pathlib import Path

import pandas as pd

from bench.core.errors import Finding, UserError


def judged(runs: Path) -> str:
    """What to say where all did.  Raises UserError with every run that did not."""
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
        raise UserError(
            f"This study is strict, and {len(findings)} of {len(table)} runs failed:", findings
        )
    return f"all {len(table)} runs are ok\n"
