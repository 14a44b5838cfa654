"""A task of a user's own file, as the harness runs it, with templates that run no code.

Imported only where such a task is loaded: it needs the harness.
"""

import ast
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError
from lm_eval.api.task import ConfigurableTask
from typing_extensions import override

from autoselection_core.benchmarks.harness.template import TaskTemplates
from autoselection_core.errors.benchmarks import HarnessTaskError


class OwnTask(ConfigurableTask):  # type: ignore[misc] # the harness has no types
    """The harness's task, except that templates are rendered in a sandbox.

    Raises:
        HarnessTaskError: A template cannot be rendered for a document.
    """

    @override
    def doc_to_text(self, doc: Mapping[str, Any], doc_to_text: Any = None) -> Any:
        """The prompt of a document; a number where the task chooses among prompts."""
        text = self._value(doc_to_text if doc_to_text is not None else self.config.doc_to_text, doc)
        has_choices = self.config.doc_to_choice is not None
        return int(text) if has_choices and isinstance(text, str) and text.isdecimal() else text

    @override
    def doc_to_target(self, doc: Mapping[str, Any], doc_to_target: Any = None) -> Any:
        """The right answer of a document; a number where it is one of the choices."""
        said = doc_to_target if doc_to_target is not None else self.config.doc_to_target
        target = self._value(said, doc)
        if not isinstance(target, str) or said in self.features:
            return target
        if self.config.doc_to_choice is not None and target.isdecimal():
            return int(target)
        return self._listed(target) if target[:1] == "[" and target[-1:] == "]" else target

    @override
    def doc_to_choice(self, doc: Mapping[str, Any], doc_to_choice: Any = None) -> Any:
        """The choices of a document."""
        said = doc_to_choice if doc_to_choice is not None else self.config.doc_to_choice
        choices = self._value(said, doc)
        if isinstance(choices, str):
            choices = self._listed(choices)
        if isinstance(choices, dict):
            return list(choices.values())
        if not isinstance(choices, list):
            raise HarnessTaskError(str(self.config.task), "`doc_to_choice` must make a list")
        return choices

    @override
    def doc_to_prefix(self, doc: Mapping[str, Any]) -> Any:
        """The beginning of the answer that the model is given."""
        return None if self.config.gen_prefix is None else self._value(self.config.gen_prefix, doc)

    @override
    @staticmethod
    def resolve_field(doc: dict[str, Any], field: str | None = None) -> Any:
        """A description or prefix: a field of the document, or a template."""
        if field is None:
            return None
        return doc[field] if field in doc else _render(field, doc, "of the file")

    def require_all(self, doc: Mapping[str, Any]) -> None:
        """Render for a document what only a scoring reads, so that it fails before anything is trained.

        Raises:
            HarnessTaskError: A template cannot be rendered.
        """
        if self.config.description:
            self._value(self.config.description, doc)
        self.doc_to_prefix(doc)

    def _value(self, said: Any, doc: Mapping[str, Any]) -> Any:  # noqa: ANN401 as the data says
        """Value of a setting for a document: a field, a rendered template, or the setting itself."""
        if not isinstance(said, str):
            return said
        return doc[said] if said in self.features else _render(said, doc, str(self.config.task))

    def _listed(self, text: str) -> Any:  # noqa: ANN401 as the text says
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return text


_TEMPLATES = TaskTemplates()


def _render(template: str, doc: Mapping[str, Any], task: str) -> str:
    try:
        return _TEMPLATES.render(template, doc)
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        raise HarnessTaskError(task, f"a template cannot be rendered: {error}") from error
