"""Provenance of the results: versions, commit, hardware, checksums."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "scvaebench", "snakemake", "torch", "numpy", "scipy", "pandas", "anndata", "scanpy",
    "scikit-learn", "scib-metrics", "altair", "pydantic",
)  # fmt: skip
"""Packages whose versions are recorded."""


def surroundings(root: Path) -> dict[str, Any]:
    """Versions, commit and hardware of this process; plain JSON types."""
    installed = {found.metadata["Name"].lower() for found in distributions()}
    return {
        "versions": {name: version(name) for name in PACKAGES if name in installed},
        "commit": _commit(root),
        "hardware": _hardware(),
    }


def sha256_of(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _commit(root: Path) -> str:
    """The commit, and whether there are uncommitted changes; empty without a checkout."""
    asked = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _hardware() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
    }
