"""YAML as plain data: no tags, no repeated keys, bounded size, depth and aliases.

Campaigns, studies, recipes, benchmarks and task files are all read here. A text that breaks a bound is
refused before anything is made of it, so time and memory follow from the text's length.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from autoselection_core.errors.campaign import YamlError
from autoselection_core.identity import Json

MAX_CHARACTERS = 256 * 1024
"""Length of a text. PyYAML reads about 30 characters a millisecond."""

MAX_DEPTH = 64
"""Values inside each other, aliases followed."""

MAX_VALUES = 20_000
"""Values of a text, aliases followed: nested aliases expand to far more values than are written."""

MAX_DIGITS = 250
"""Length of a whole number; a longer one may exceed the largest float."""

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\U(?!000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})")
_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_FEW_SPELLINGS = {f"tag:yaml.org,2002:{name}": name for name in ("null", "bool", "timestamp")}
"""Kinds that PyYAML takes from a tag without a look at the text."""
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "seq", "map", "merge", "value")
)
_EXCERPT = 40


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the exponents of YAML 1.2: `1e-4` is a number."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which quotes the texts that `_Loader` would read as numbers."""


for _spelling in (_Loader, _Dumper):
    _spelling.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]{1,3}$"),
        list("-+0123456789."),
    )


def read_yaml(text: str) -> Any:  # noqa: ANN401 plain data: None, texts, numbers, dates, lists, mappings
    """The data of a text; None for an empty one.

    Raises:
        YamlError: It is no YAML, no plain data, or breaks a bound.

    Example:
        >>> read_yaml("learning_rate: 1e-4")
        {'learning_rate': 0.0001}
    """
    node = compose(text)
    return None if node is None else plain_data(node)


def write_yaml(data: object) -> str:
    """The text that `read_yaml` reads back as the data; keys stay in their order."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def yaml_text(value: Json) -> str:
    r"""A value on one line as YAML reads it back: JSON's spelling is one of YAML's, but for a few characters.

    Example:
        >>> yaml_text("no"), yaml_text("\x85")
        ('"no"', '"\\u0085"')
    """
    spelled = json.dumps(value, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found.group()):04x}", spelled)


_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
"""Characters that YAML forbids or reads as the end of a line."""


def compose(text: str) -> yaml.Node | None:
    """The checked nodes of a text, each with its line; None for an empty text.

    Raises:
        YamlError: It is no YAML, no plain data, or breaks a bound.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(1, "the text", f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise YamlError(_line(error.problem_mark), "the text", f"is not YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        unread = f"U+{ord(text[error.position]):04X}"
        raise YamlError(line, "the text", f"is not YAML: it holds the character {unread}") from error
    except ValueError as error:
        escape = _ESCAPE.search(text)
        line = text.count("\n", 0, escape.start()) + 1 if escape else 1
        raise YamlError(line, "the text", f"is not YAML: an escape names no character ({error})") from error
    if node is not None:
        _Check().measure(node)
    return node


def text_of(file: Path) -> str:
    """The text of a file of at most the length that is read.

    Raises:
        YamlError: It is longer, or no UTF-8.
    """
    with file.open("rb") as opened:
        content = opened.read(4 * MAX_CHARACTERS + 1)
    if len(content) > 4 * MAX_CHARACTERS:
        raise YamlError(1, "the text", f"is too long; at most {MAX_CHARACTERS:,} characters are read")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(line, "the text", "is not UTF-8") from error


def plain_data(node: yaml.Node) -> Any:  # noqa: ANN401 plain data
    """A checked node as data; equal aliases are one object.

    Raises:
        YamlError: A value is none of its kind, such as the 45th of a month.
    """
    try:
        return _Loader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise YamlError(
            _line(error.problem_mark or error.context_mark), "the text", f"is not data: {error.problem}"
        ) from error
    except (ValueError, OverflowError) as error:
        line, value = next(_unmade(node), (_line(node.start_mark), "a value"))
        raise YamlError(
            line, value, f"is no value of its kind ({error}); quote it to make it text"
        ) from error


def _check_depth(text: str) -> None:
    """Refuse a text that is too deep or too large, before PyYAML composes its nested values by recursion."""
    depth = count = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        count += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH or count > MAX_VALUES:
            raise _too_much(_line(event.start_mark))


def _too_much(line: int) -> YamlError:
    bounds = f"{MAX_DEPTH} levels and {MAX_VALUES:,} values"
    return YamlError(
        line, "the text", f"is too deep or too large: at most {bounds} are read, aliases followed"
    )


class _Check:
    """One pass over the nodes of a text, each looked at once however many aliases lead to it."""

    def __init__(self) -> None:
        self.measured: dict[int, tuple[int, int]] = {}
        self.open: set[int] = set()

    def measure(self, node: yaml.Node) -> tuple[int, int]:
        """Depth and number of the values below a node, itself included."""
        if id(node) in self.measured:
            return self.measured[id(node)]
        line = _line(node.start_mark)
        if id(node) in self.open:
            raise YamlError(line, "the value", "holds itself; write it out instead")
        if node.tag not in _PLAIN_TAGS:
            raise YamlError(line, f"the tag {_short(node.tag)}", "is refused: only plain data is read")
        problem = _scalar_problem(node) if isinstance(node, yaml.ScalarNode) else None
        if problem is not None:
            raise YamlError(line, _short(ascii(node.value)[1:-1]), problem)
        self.open.add(id(node))
        below = [self.measure(child) for child in self._children(node)]
        self.open.discard(id(node))
        depth = 1 + max((depth for depth, _ in below), default=0)
        count = 1 + sum(count for _, count in below)
        if depth > MAX_DEPTH + 1 or count > MAX_VALUES:
            raise _too_much(line)
        self.measured[id(node)] = depth, count
        return depth, count

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not isinstance(node, yaml.MappingNode):
            return []
        seen: set[str] = set()
        for key, _ in node.value:
            line = _line(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(line, "the key", "must be a text, not a list or a mapping")
            if key.value in seen:
                raise YamlError(line, f"the key `{_short(key.value)}`", "is given twice; keep one")
            seen.add(key.value)
        return [child for pair in node.value for child in pair]


def _implied_tag(node: yaml.ScalarNode) -> str:
    """The tag that the text of a node has without a mark."""
    loader: Any = _Loader("")  # PyYAML's types leave this method out
    return str(loader.resolve(yaml.ScalarNode, node.value, (True, False)))


def _scalar_problem(node: yaml.ScalarNode) -> str | None:
    kind = _FEW_SPELLINGS.get(node.tag)
    if kind and _implied_tag(node) != node.tag:
        return f"is marked as a {kind} and is none; leave the mark out"
    if node.tag == _INTEGER and len(node.value) > MAX_DIGITS:
        return f"is a number of more than {MAX_DIGITS} digits; quote it to make it text"
    if node.tag in {_INTEGER, _FLOAT} and (":" in node.value or _OCTAL.fullmatch(node.value)):
        base = "60" if ":" in node.value else "8"
        return f"would be read in base {base}; write the number out, or quote it to make it text"
    return unwritable(node.value)


def unwritable(text: str) -> str | None:
    r"""Problem of a text that no path and no UTF-8 file can hold; None for none.

    Example:
        >>> unwritable("a\0b"), unwritable("a b")
        ('holds the character U+0000', None)
    """
    found = _UNWRITABLE.search(text)
    return None if found is None else f"holds the character U+{ord(found[0]):04X}"


def _unmade(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and text of the values that cannot be constructed."""
    if isinstance(node, yaml.ScalarNode):
        try:
            _Loader("").construct_document(node)
        except (ValueError, OverflowError):
            yield _line(node.start_mark), _short(node.value)
    elif isinstance(node, yaml.CollectionNode):
        for child in node.value:
            for each in child if isinstance(child, tuple) else (child,):
                yield from _unmade(each)


def _line(mark: Any) -> int:  # noqa: ANN401 PyYAML has two classes of marks
    return mark.line + 1 if mark else 1


def _short(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}..."
