"""What all charts share: Vega-Lite without a theme, with quiet axes in the page's own ink."""

from typing import Any

INK = "currentColor"
"""Text and axes take the page's colour, so that one chart serves light and dark."""

Spec = dict[str, Any]


def finished(chart: Any, description: str, **properties: Any) -> Spec:
    """A chart of altair as Vega-Lite, as wide as its place; ``properties`` such as its height."""
    spec = chart.properties(width="container", **properties).to_dict(validate=False)
    return themed(spec, description)


def themed(spec: Spec, description: str) -> Spec:
    """A chart with the page's style, without the theme and the schema address of altair."""
    plain = {key: value for key, value in spec.items() if key not in ("config", "$schema")}
    return plain | {"description": description, "config": style()}


def rounded(value: float, digits: int = 6) -> float:
    """As many digits as a picture has; more make the page larger."""
    return float(f"{value:.{digits}g}")


def style() -> Spec:
    """Quiet axes."""
    axis = {
        "labelColor": INK,
        "titleColor": INK,
        "tickColor": INK,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "titleFontWeight": "normal",
        "titleOpacity": 0.8,
        "labelFontSize": 11,
        "titleFontSize": 11,
    }
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": axis,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
