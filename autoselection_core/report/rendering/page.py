"""Report pages: Markdown, and one self-contained HTML file."""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from autoselection_core.report.rendering.table import Table, breakable, escape, fence, printable


@dataclass(frozen=True)
class Picture:
    """A picture with its caption.

    Attributes:
        name: Name of its file, without ending.
        svg: The picture.
        caption: Its caption.
        narrow: The same with its panels above each other, for a phone; None where one picture serves both.
    """

    name: str
    svg: bytes
    caption: str
    narrow: bytes | None = None

    @property
    def is_wide(self) -> bool:
        """Whether half the width of a page would make its panels too small."""
        width = re.search(rb'<svg[^>]*? width="([\d.]+)pt"', self.svg)
        return width is not None and float(width[1]) > _MAX_HALF_PT


_MAX_HALF_PT = 500
"""Width of a picture up to which half the width of a page shows it well."""

_MAX_NARROW = 60
"""Characters of a fact that a column of the first screen holds well."""


@dataclass(frozen=True)
class Lead:
    """First screen of a report, for the person who decides.

    Attributes:
        verdict: The answer in a sentence.
        tone: `yes`, `no` or `undecided`: how the verdict is coloured.
        details: The figures behind it, a sentence each, with settings in backticks.
        facts: Labels with their values, such as rows kept or the date.
        picture: The picture of the result; None where nothing was measured.
        further: Next steps, with commands in backticks.
    """

    verdict: str
    tone: str
    details: Sequence[str]
    facts: Sequence[tuple[str, str]]
    picture: Picture | None = None
    further: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Its heading.
        paragraphs: Plain text.
        tables: Tables below the text.
        pictures: Pictures below the tables.
        code: Text that is shown as it is.
    """

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = field(default=())
    code: Sequence[str] = ()


def to_markdown(title: str, sections: Sequence[Section], lead: Lead | None = None) -> str:
    """The report in Markdown; pictures are files beside it."""
    first = [] if lead is None else [_lead_markdown(lead)]
    return (
        printable("\n\n".join([f"# {title}", *first, *(_markdown(section) for section in sections)])) + "\n"
    )


def _lead_markdown(lead: Lead) -> str:
    return "\n\n".join(
        [
            f"**{lead.verdict}**",
            *lead.details,
            "\n".join(f"- {escape(label)}: {escape(value)}" for label, value in lead.facts),
            *([] if lead.picture is None else [_picture_markdown(lead.picture)]),
            "\n".join(f"- {text}" for text in lead.further),
        ]
    ).strip()


def _markdown(section: Section) -> str:
    return "\n\n".join(
        [
            f"## {section.title}",
            *section.paragraphs,
            *(f"**{table.title}**\n\n{table.to_markdown()}" for table in section.tables),
            *(_picture_markdown(picture) for picture in section.pictures),
            *(fence(text) for text in section.code),
        ]
    )


def _picture_markdown(picture: Picture) -> str:
    return f"![{picture.caption}]({picture.name}.svg)"


def to_html(title: str, sections: Sequence[Section], lead: Lead | None = None) -> str:
    """The report as one HTML file: styles and pictures are inside, and no script.

    Args:
        title: Its heading.
        sections: Its parts, in order; each is listed in the contents.
        lead: First screen, before the contents.
    """
    name = html.escape(title)
    style = (files("autoselection_core.report.rendering") / "page.css").read_text()
    parts = [
        f"<h1>{name}</h1>",
        *([] if lead is None else [_lead_html(lead)]),
        _contents(sections),
        *(_html(section) for section in sections),
    ]
    body = "\n".join(parts)
    return printable(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _lead_html(lead: Lead) -> str:
    facts = "".join(_fact(label, value) for label, value in lead.facts)
    further = "".join(f"<li>{_inline(text)}</li>" for text in lead.further)
    return "\n".join(
        [
            f'<section class="lead {html.escape(lead.tone)}">',
            f'<p class="verdict">{html.escape(lead.verdict)}</p>',
            *([] if lead.picture is None else [_figure(lead.picture)]),
            *(f"<p>{_inline(text)}</p>" for text in lead.details),
            f"<dl>{facts}</dl>",
            *([f"<h2>Next</h2>\n<ul>{further}</ul>"] if further else []),
            "</section>",
        ]
    )


def _fact(label: str, value: str) -> str:
    wide = ' class="wide"' if len(value) > _MAX_NARROW else ""
    return f"<div{wide}><dt>{html.escape(label)}</dt><dd>{breakable(value)}</dd></div>"


def _inline(text: str) -> str:
    """Escaped text in which backticks mark commands, whose options stay on one line.

    Example:
        >>> _inline("run `search --name a`")
        'run <code>search <span class="option">--name</span> a</code>'
    """
    return re.sub(r"`([^`]*)`", lambda found: f"<code>{_with_options(found[1])}</code>", html.escape(text))


def _with_options(command: str) -> str:
    return re.sub(r"(?<!\S)(--?[a-z][a-z-]*)", r'<span class="option">\1</span>', command)


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(
        f'<li><a href="#{_anchor(section)}">{html.escape(section.title)}</a></li>' for section in sections
    )
    return f'<nav aria-label="Contents"><ol>{links}</ol></nav>'


def _anchor(section: Section) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", section.title.lower())) or "section"


def _html(section: Section) -> str:
    return "\n".join(
        [
            f'<section id="{_anchor(section)}">',
            f"<h2>{html.escape(section.title)}</h2>",
            *(f"<p>{_inline(text)}</p>" for text in section.paragraphs),
            *(
                f'<h3>{html.escape(table.title)}</h3>\n<div class="table">{table.to_html()}</div>'
                for table in section.tables
            ),
            *(
                ['<div class="figures">', *map(_figure, section.pictures), "</div>"]
                if section.pictures
                else []
            ),
            *(f"<pre>{html.escape(text)}</pre>" for text in section.code),
            "</section>",
        ]
    )


def _figure(picture: Picture) -> str:
    # As an image and not inline: ids of several inline SVGs would collide.
    caption = html.escape(picture.caption)
    image = f'<img alt="{caption}" src="{_address(picture.svg)}">'
    if picture.narrow is not None:
        narrow = f'<source media="(max-width: 600px)" srcset="{_address(picture.narrow)}">'
        image = f"<picture>{narrow}{image}</picture>"
    wide = ' class="wide"' if picture.is_wide else ""
    return f"<figure{wide}>{image}<figcaption>{caption}</figcaption></figure>"


def _address(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
