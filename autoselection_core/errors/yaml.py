"""Errors of YAML texts that people write."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class YamlError(AutoSelectionError):
    """A text is not the plain data that a configuration is made of.

    Attributes:
        line: Line of the fault, from 1.
        subject: The part of the text that is at fault.
        problem: The fault, and the way forward.
    """

    def __init__(self, line: int, subject: str, problem: str) -> None:
        super().__init__(line, subject, problem)
        self.line = line
        self.subject = subject
        self.problem = problem

    @override
    def __str__(self) -> str:
        return f"line {self.line}: {self.subject} {self.problem}"
