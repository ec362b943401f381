"""With the same weights our scVI gives scvi-tools' terms, for every likelihood and dispersion."""

import numpy as np
import pytest
import torch

scvi = pytest.importorskip("scvi", reason="needs the optional extra 'peers'")
