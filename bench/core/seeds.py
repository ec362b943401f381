"""An address in, an integer out: adding one use of randomness never shifts another."""

from hashlib import sha256

import numpy as np


def address(*parts: str | int) -> int:
    """A seed in [0, 2**63) that depends on every part and on nothing else."""
    path = "/".join(str(part) for part in parts)
    return int.from_bytes(sha256(path.encode()).digest()[:8], "big") >> 1


def numpy_generator(*parts: str | int) -> np.random.Generator:
    """The numpy generator that lives at this address."""
    return np.random.default_rng(address(*parts))
