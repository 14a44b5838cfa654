"""Report of a study on disk: one HTML file, one Markdown file and its pictures."""

from dataclasses import dataclass
from pathlib import Path

from autoselection_core.errors.search import NothingMeasuredError
from autoselection_core.report.rendering.page import to_html, to_markdown
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.study.report.sections import sections_of
from autoselection_core.study.results.comparisons import comparisons
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.states import folder_of
from autoselection_core.study.study import Study


@dataclass(frozen=True)
class StudyReport:
    """Paths of a study's written report, and its verdicts.

    Attributes:
        html: One file that needs nothing else.
        markdown: The same in Markdown, pictures beside it.
        sentences: Comparisons, and the verdicts.
    """

    html: Path
    markdown: Path
    sentences: tuple[str, ...]


def write_study(study: Study, home: Home) -> StudyReport:
    """Write the report of what a study has measured so far into the home folder.

    Raises:
        NothingMeasuredError: It has measured nothing yet.
    """
    facts = StudyFacts(study, home)
    if not facts.arms and not any(history.observations for history in facts.histories.values()):
        raise NothingMeasuredError(study.name)
    found = comparisons(facts)
    sections = sections_of(facts, found)
    folder, title = folder_of(study, home), f"Study {study.name}"
    for section in sections:
        for picture in section.pictures:
            _write(folder / f"{picture.name}.svg", picture.svg)
    html, markdown = folder / "report.html", folder / "report.md"
    _write(html, to_html(title, sections).encode())
    _write(markdown, to_markdown(title, sections).encode())
    return StudyReport(html, markdown, tuple(each.sentence(facts.metric) for each in found))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as draft:
        draft.write_bytes(content)
