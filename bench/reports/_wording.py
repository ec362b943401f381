"""How numbers and names are written on the page."""

from collections.abc import Sequence
from math import ceil, isfinite, log10
from statistics import median
from typing import Any

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
MOST_DECIMALS = 6


def number(value: float | None, decimals: int = 3) -> str:
    """A fixed number of decimals, a true minus, thin groups of thousands; a dash for NaN."""
    if value is None or not isfinite(value):
        return NONE
    text = f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, decimals: int = 3) -> str:
    """A number with its sign, also when that is a plus."""
    text = number(value, decimals)
    return text if text == NONE or text.startswith(MINUS) else f"+{text}"


def interval(low: float, high: float, decimals: int = 3) -> str:
    """Two bounds in brackets; a dash where there are none."""
    if not (isfinite(low) and isfinite(high)):
        return NONE
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def decimals_for(spreads: Sequence[float], values: Sequence[float]) -> int:
    """Decimals that show a typical spread with two digits, or else values with four."""
    known = [abs(spread) for spread in spreads if isfinite(spread) and spread != 0]
    shown, sizes = (2, known) if known else (4, [abs(v) for v in values if isfinite(v) and v != 0])
    if not sizes:
        return 3
    return min(max(shown - ceil(log10(median(sizes))), 0), MOST_DECIMALS)


def seconds(value: float | None) -> str:
    """A duration in the unit one would say it in."""
    if value is None or not isfinite(value):
        return NONE
    for size, unit, least in ((3600.0, "h", 7200.0), (60.0, "min", 120.0)):
        if value >= least:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"


def p_value(value: float | None) -> str:
    """Three decimals, or that it is smaller."""
    if value is None or not isfinite(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def heading(name: str) -> str:
    """``held_out_cells`` as a heading: Held out cells."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence; the tail of a long list is counted, not named."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def plural(n: int, noun: str) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{n} {noun}" if n == 1 else f"{n:,} {noun}s".replace(",", "\N{NARROW NO-BREAK SPACE}")


def fact(value: Any) -> str:
    """A value of the provenance in one line: strings as they are, containers spelt out."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {fact(entry)}" for key, entry in value.items()) or NONE
    if isinstance(value, list | tuple):
        return ", ".join(fact(entry) for entry in value) or NONE
    return NONE if value is None or value == "" else str(value)
