"""Building blocks of variants, in torch."""
