"""Formats of a sample for the programs that train on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from autoselection_core.export import turns
from autoselection_core.export.trainers import Training, axolotl_files, llama_factory_files, trl_files
from autoselection_core.export.turns import Content
from autoselection_core.pool.sample import Sample

Fields: TypeAlias = dict[str, Any]
"""The fields of a sample's JSON line."""


def _no_files(_training: Training, _content: Content, _folder: str) -> Mapping[str, str]:
    """Files of a format that is data alone."""
    return {}


@dataclass(frozen=True)
class Format:
    """A way to write samples, and the files that a program needs beside them.

    Attributes:
        spell: The fields of a sample.
        no_tools: What a sample without tools has in the field `tools`, where others of the subset have some.
            Programs that read JSON lines without a schema take the type of a column from the first lines, so
            a null would break them where tools come later.
        files: Files by name for a training, the content and the name of the folder: what its program reads.
    """

    spell: Callable[[Sample, Content], Fields]
    no_tools: str | None = None
    files: Callable[[Training, Content, str], Mapping[str, str]] = _no_files

    @property
    def has_training(self) -> bool:
        """Whether the export holds the config of a training."""
        return self.files is not _no_files

    def line(self, sample: Sample, content: Content) -> Fields:
        """The fields of a sample, equal for all samples of a subset."""
        fields = self.spell(sample, content)
        if not content.has_tools:
            return fields
        return {**fields, "tools": self.no_tools if sample.tools is None else sample.tools}


def _messages(sample: Sample, content: Content) -> Fields:
    """Fields of a conversation for TRL and the datasets library."""
    return {"messages": turns.messages(sample, content.turn_fields)}


def _axolotl(sample: Sample, content: Content) -> Fields:
    return {"messages": turns.messages_with_texts(sample, content.turn_fields)}


def _prompt_completion(sample: Sample, content: Content) -> Fields:
    """Fields of a prompt and its completion for TRL, which trains on the completion: the last answer."""
    *prompt, last = turns.messages(sample, content.turn_fields)
    return {"prompt": prompt, "completion": [last]}


def _trl(sample: Sample, content: Content) -> Fields:
    """Fields for TRL: where samples have one answer, prompt and completion, alike under any chat template."""
    return (_messages if content.has_several_answers else _prompt_completion)(sample, content)


def _sharegpt(sample: Sample, content: Content) -> Fields:
    return {"conversations": turns.sharegpt(sample, content.turn_fields)}


FORMATS: Mapping[str, Format] = {
    "messages": Format(_messages),
    "prompt-completion": Format(_prompt_completion),
    "sharegpt": Format(_sharegpt, no_tools=""),
    "trl": Format(_trl, files=trl_files),
    "llama-factory": Format(_sharegpt, no_tools="", files=llama_factory_files),
    "axolotl": Format(_axolotl, no_tools="[]", files=axolotl_files),
}
"""Formats by the name that people give. The first three are data alone."""
