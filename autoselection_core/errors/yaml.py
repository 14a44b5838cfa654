"""Errors of YAML texts that people write."""

from autoselection_core.errors.base import AutoSelectionError


class YamlError(AutoSelectionError):
    """A text is not the plain data that a configuration is made of.

    Attributes:
        line: Line of the fault, from 1.
        subject: The part of the text that is at fault.
        problem: The fault, and the way forward.
    """

    line: int
    subject: str
    problem: str
    sentence = "line {line}: {subject} {problem}"
