"""Figures drawn without global state: equal inputs give equal bytes, and both kinds read on dark pages."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from textwrap import fill
from typing import Any, Literal, TypeAlias

Format: TypeAlias = Literal["svg", "png"]
"""`svg` is for reports, with colours for light and dark pages; `png` for Dagster, see `_PNG_STYLE`."""

INK, MUTED, ACCENT, WARM = "#1f2933", "#9aa5b1", "#1f6feb", "#d9480f"
_PAPER, _GRID = "#ffffff", "#b0b0b0"

_DARK = {
    _PAPER: "#0d1117",
    INK: "#e6edf3",
    MUTED: "#768390",
    ACCENT: "#6cb6ff",
    WARM: "#f0883e",
    _GRID: "#545d68",
}
"""Colours of a picture on a dark page, by those on a light one; the paper is that of a report's page."""

_MIDDLE_INK = "#6f7782"
"""Ink with a contrast of 4.5 to white and to Dagster's dark page alike."""

_MAX_PNG_WIDTH, _PNG_DPI = 3.15, 96
"""Inches, and dots an inch: 302 pixels, the column of values of an overview in a window of 1,280."""

_LONGEST_LABEL = 48
_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "WenQuanYi Zen Hei",
    "IPAGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Arial Unicode MS",
)
"""Fonts that have what matplotlib's own lacks; the first that is installed is used."""

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": _GRID,
    "figure.facecolor": _PAPER,
    "axes.facecolor": _PAPER,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.hashsalt": "autoselection",  # ids in the file follow from its content
    "svg.fonttype": "path",
}

_PNG_STYLE: Any = {
    "text.color": _MIDDLE_INK,
    "axes.labelcolor": _MIDDLE_INK,
    "xtick.color": _MIDDLE_INK,
    "ytick.color": _MIDDLE_INK,
    "grid.color": MUTED,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
}
"""Style of a picture that cannot know the theme of its page, and has a narrow column there."""


def draw(
    paint: Callable[[Any], None], *, width: float = 6.0, height: float = 3.2, kind: Format = "svg"
) -> bytes:
    """Run `paint` on a new figure and return the picture.

    Args:
        paint: Draws on a matplotlib figure.
        width: Inches; a `png` is no wider than its column.
        height: Inches.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    is_png = kind == "png"
    style = {**_STYLE, **(_PNG_STYLE if is_png else {}), "font.family": _families()}
    with mpl.rc_context(style):
        figure = Figure(
            figsize=(min(width, _MAX_PNG_WIDTH) if is_png else width, height), layout="constrained"
        )
        paint(figure)
        if is_png:
            _narrow(figure)
        picture = BytesIO()
        figure.savefig(picture, format=kind, dpi=_PNG_DPI, metadata=None if is_png else {"Date": None})
    return picture.getvalue() if is_png else _with_dark_colours(picture.getvalue())


_TITLE, _AXIS, _PANEL = 44, 26, 20
"""Characters of a line of a title, of the name of an axis, and of the title of a panel, in a `png`."""


def _narrow(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
    """Let titles and names of axes wrap; the title of a single panel goes over the whole picture."""
    for axes in figure.axes:
        axes.set_xlabel(fill(axes.get_xlabel(), _AXIS))
        if len(figure.axes) == 1 and axes.get_title():
            figure.suptitle(axes.get_title(), fontsize=_PNG_STYLE["axes.titlesize"])
            axes.set_title("")
        else:
            axes.set_title(fill(axes.get_title(), _PANEL))
    if title := figure.get_suptitle():
        figure.suptitle(fill(title, _TITLE), fontsize=_PNG_STYLE["axes.titlesize"])


def panel_columns(panels: int, kind: Format) -> int:
    """Panels of a picture side by side: up to three in a report, two in Dagster's narrow column."""
    return max(1, min(2 if kind == "png" else 3, panels))


def _with_dark_colours(svg: bytes) -> bytes:
    """The picture with a style sheet for dark pages; programs that know none draw the light colours."""
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}: {dark} !important}}'
        for light, dark in _DARK.items()
        for what in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>\n</svg>"
    return sheet.encode().join(svg.rsplit(b"</svg>", 1))


def short_label(text: str) -> str:
    r"""A name as a picture can hold it: not longer than the picture, and without formulas.

    Characters that no installed font has, or that command, are spelled by their numbers.

    Example:
        >>> short_label("price in $ or ct"), len(short_label("x" * 500))
        ('price in \\$ or ct', 48)
    """
    half = _LONGEST_LABEL // 2
    short = text if len(text) <= _LONGEST_LABEL else f"{text[: half - 1]}…{text[-half:]}"
    return "".join(_drawable(character) for character in " ".join(short.split()))


def _drawable(character: str) -> str:
    if character == "$":
        return r"\$"
    is_drawn = character.isprintable() and ord(character) in _characters()
    return character if is_drawn else f"U+{ord(character):04X}"


@cache
def _families() -> tuple[str, ...]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *[name for name in _FONTS if name in installed][:1])


@cache
def _characters() -> frozenset[int]:
    from matplotlib import font_manager

    files = [font_manager.findfont(family) for family in _families()]
    return frozenset(code for file in files for code in font_manager.get_font(file).get_charmap())
