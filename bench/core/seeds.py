"""Maps an address to a seed, so that an additional random draw does not change any other."""

from hashlib import sha256

import numpy as np


def address(*parts: str | int) -> int:
    """A seed in [0, 2**63) that depends on all parts of the address only."""
    path = "/".join(str(part) for part in parts)
    return int.from_bytes(sha256(path.encode()).digest()[:8], "big") >> 1


def numpy_generator(*parts: str | int) -> np.random.Generator:
    """The numpy generator with the seed of this address."""
    return np.random.default_rng(address(*parts))
