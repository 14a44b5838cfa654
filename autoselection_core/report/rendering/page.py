"""Report pages: Markdown, and one self-contained HTML file."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoselection_core.report.rendering.markdown import fenced
from autoselection_core.report.rendering.table import Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; margin: 2em auto; max-width: 1000px }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px }
th, td { border-bottom: 1px solid #d9dee4; padding: .3em .7em; text-align: left; vertical-align: top }
th { color: #52606d } pre { background: #f4f6f8; padding: .8em; overflow-x: auto; white-space: pre-wrap }
figure { margin: 1em 0 } svg { max-width: 100%; height: auto }
"""


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Its heading.
        paragraphs: Plain text.
        tables: Tables below the text.
        pictures: SVG pictures with their file names.
        code: Text that is shown as it is.
    """

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[tuple[str, bytes]] = field(default=())
    code: Sequence[str] = ()


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """The report in Markdown; pictures are files beside it."""
    return "\n\n".join([f"# {title}", *(_markdown(section) for section in sections)]) + "\n"


def _markdown(section: Section) -> str:
    return "\n\n".join(
        [
            f"## {section.title}",
            *section.paragraphs,
            *(f"**{table.title}**\n\n{table.to_markdown()}" for table in section.tables),
            *(f"![{name}]({name}.svg)" for name, _ in section.pictures),
            *(fenced(text) for text in section.code),
        ]
    )


def to_html(title: str, sections: Sequence[Section]) -> str:
    """The report as one HTML file: styles and pictures are inside, and no script."""
    body = "\n".join(_html(section) for section in sections)
    escaped = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escaped}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escaped}</h1>\n{body}\n</body>\n</html>\n"
    )


def _html(section: Section) -> str:
    return "\n".join(
        [
            f"<h2>{html.escape(section.title)}</h2>",
            *(f"<p>{html.escape(text)}</p>" for text in section.paragraphs),
            *(f"<h3>{html.escape(table.title)}</h3>\n{table.to_html()}" for table in section.tables),
            *(_figure(name, picture) for name, picture in section.pictures),
            *(f"<pre>{html.escape(text)}</pre>" for text in section.code),
        ]
    )


def _figure(name: str, picture: bytes) -> str:
    # As an image and not inline: ids of several inline SVGs would collide.
    data = base64.b64encode(picture).decode()
    return f'<figure><img alt="{html.escape(name)}" src="data:image/svg+xml;base64,{data}"></figure>'
