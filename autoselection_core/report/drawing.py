"""A figure from an idea to bytes, without global state and the same bytes every time."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, Literal, TypeAlias

Format: TypeAlias = Literal["svg", "png"]

INK, MUTED, ACCENT, WARM = "#1f2933", "#9aa5b1", "#1f6feb", "#d9480f"

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.hashsalt": "autoselection",  # ids in the file follow from its content
    "svg.fonttype": "path",
}


def draw(
    paint: Callable[[Any], None], *, width: float = 6.0, height: float = 3.2, kind: Format = "svg"
) -> bytes:
    """Run `paint` on a new figure and return the picture.

    Args:
        paint: Draws on a matplotlib figure.
        width: Inches.
        height: Inches.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        picture = BytesIO()
        figure.savefig(picture, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return picture.getvalue()
