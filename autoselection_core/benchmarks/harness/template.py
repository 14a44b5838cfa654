"""Jinja templates of a user's own task file, rendered without code and within bounds.

A template may read the document's fields, choose, loop and call a few text functions. Attributes, imports,
macros and every other call are refused before anything is rendered; what it writes, how often it loops and
how long it takes are bounded, so a template cannot fill the memory or run for ever.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

MAX_SOURCE = 20_000
"""Characters of a template."""

MAX_TEXT = 1_000_000
"""Characters, or values, of anything that a template makes."""

MAX_ROUNDS = 10_000
"""Rounds of all loops of one rendering."""

MAX_SECONDS = 2.0
"""Processor time of one rendering; looked at in every loop, filter and call."""

_MAX_LOOPS_INSIDE = 2
_MAX_SET = 8
_MAX_JOINED = 64
_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple, nodes.List),
    *(nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call),
    *(nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Add),
    *(nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not, nodes.And),
    *(nodes.Or, nodes.If, nodes.For, nodes.Assign),
)
_FILTERS = (
    *(
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "first",
        "float",
        "int",
        "last",
        "length",
        "list",
        "lower",
    ),
    *("map", "max", "min", "reject", "reverse", "round", "select", "sort", "string", "sum", "title", "trim"),
    *("unique", "upper", "wordcount"),
)
_TEXT_METHODS = (
    *("capitalize", "count", "endswith", "find", "index", "isdigit", "join", "lower", "lstrip", "replace"),
    *("rstrip", "split", "splitlines", "startswith", "strip", "title", "upper"),
)
_METHODS: Mapping[type, tuple[str, ...]] = {
    str: _TEXT_METHODS,
    dict: ("get", "items", "keys", "values"),
    list: ("count", "index"),
    tuple: ("count", "index"),
}


class TaskTemplates:
    """Renderer of the templates of one task.

    Raises:
        TemplateError: A template is refused, breaks a bound, or reads a field that is not there.
    """

    def __init__(self) -> None:
        self._environment = _Environment()

    def check(self, source: str) -> None:
        """Refuse a template that uses more than it may."""
        for problem in self._problems(source):
            raise SecurityError(problem)

    def render(self, source: str, document: Mapping[str, Any]) -> str:
        """The text that a template makes of a document."""
        self.check(source)
        self._environment.start()
        parts: list[str] = []
        written = 0
        for part in self._environment.from_string(source).generate(**document):
            written += len(part)
            if written > MAX_TEXT:
                raise _TooMuchError("text")
            parts.append(part)
        return "".join(parts)

    def _problems(self, source: str) -> Iterator[str]:
        if len(source) > MAX_SOURCE:
            yield f"a template has at most {MAX_SOURCE:,} characters"
        try:
            tree = self._environment.parse(source)
            depth = _depth(tree, nodes.For)
        except (RecursionError, ValueError) as error:
            raise _TooMuchError("depth") from error
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _NODES):
                yield f"{type(node).__name__} is not allowed in a template"
        names = list(tree.find_all(nodes.Assign))
        if any(name.find(nodes.Concat) or not isinstance(name.target, nodes.Name) for name in names):
            yield "`set` gives a name to a value, without joining texts"
        if len(names) > _MAX_SET:
            yield f"a template sets at most {_MAX_SET} names"
        if sum(len(node.nodes) for node in tree.find_all(nodes.Concat)) > _MAX_JOINED:
            yield f"a template joins at most {_MAX_JOINED} texts"
        if depth > _MAX_LOOPS_INSIDE or any(node.recursive for node in tree.find_all(nodes.For)):
            yield f"at most {_MAX_LOOPS_INSIDE} loops may be nested"


class _TooMuchError(TemplateError):
    """A rendering breaks a bound."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the template makes too much {what}")


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja with the filters, functions and methods named here, and no others."""

    intercepted_binops = frozenset("+*%")

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined, keep_trailing_newline=True, optimized=False, cache_size=64
        )
        known = self.filters
        own = {"replace": _replace, "join": _join}
        named = {name: known[name] for name in _FILTERS}
        self.filters = {name: self._bounded(each) for name, each in {**named, **own}.items()}
        self.filters["each"] = self._each
        self.globals = {"range": lambda *bounds: range(*(min(bound, MAX_ROUNDS) for bound in bounds))}
        self.start()

    def start(self) -> None:
        """Begin a rendering: nothing is used up."""
        self.rounds, self.started = 0, time.process_time()

    @override
    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "each", [], [], None, None, lineno=loop.lineno)
        return tree

    @override
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr.startswith("_"):
            return False
        return not callable(value) or any(
            isinstance(obj, kind) and attr in _METHODS[kind] for kind in _METHODS
        )

    @override
    def is_safe_callable(self, obj: Any) -> bool:
        owner, name = _method(obj)
        return obj is self.globals["range"] or any(
            isinstance(owner, kind) and name in _METHODS[kind] for kind in _METHODS
        )

    @override
    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        owner, name = _method(obj)
        if isinstance(owner, str) and name == "replace":
            return self._within(_replace(owner, *args, **kwargs))
        if isinstance(owner, str) and name == "join":
            return self._within(_join(args[0], owner))
        return self._within(super().call(context, obj, *args, **kwargs))

    @override
    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sized = [value for value in (left, right) if not isinstance(value, int | float)]
        if operator != "+" and sized:
            problem = f"{operator} is for numbers"
            raise SecurityError(problem)
        if sum(len(value) for value in sized if hasattr(value, "__len__")) > MAX_TEXT:
            raise _TooMuchError("text")
        return super().call_binop(context, operator, left, right)

    def _bounded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose result is looked at; jinja's own marks on it are kept."""

        @wraps(function)
        def bounded(*args: object, **kwargs: object) -> object:
            return self._within(function(*args, **kwargs))

        return bounded

    def _within(self, value: Any) -> Any:  # noqa: ANN401 whatever a template makes
        if hasattr(value, "__len__") and len(value) > MAX_TEXT:
            raise _TooMuchError("text")
        if isinstance(value, int) and value.bit_length() > MAX_ROUNDS:
            raise _TooMuchError("number")
        if time.process_time() - self.started > MAX_SECONDS:
            raise _TooMuchError("work")
        return value

    def _each(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.rounds += 1
            if self.rounds > MAX_ROUNDS:
                raise _TooMuchError("rounds")
            yield self._within(value)


def _method(function: object) -> tuple[object, str]:
    """Object that a method is bound to, and the method's name."""
    return getattr(function, "__self__", None), getattr(function, "__name__", "")


def _replace(text: object, old: str, new: str, count: int = -1) -> str:
    plain = str(text)
    if min(plain.count(old), count if count >= 0 else MAX_TEXT) * len(new) + len(plain) > MAX_TEXT:
        raise _TooMuchError("text")
    return plain.replace(old, new, count)


def _join(values: Iterable[object], between: str = "") -> str:
    parts: list[str] = []
    written = 0
    for value in values:
        parts.append(str(value))
        written += len(parts[-1]) + len(between)
        if written > MAX_TEXT:
            raise _TooMuchError("text")
    return between.join(parts)


def _depth(node: nodes.Node, kind: type[nodes.Node]) -> int:
    """Depth to which nodes of a kind are nested."""
    inside = max((_depth(child, kind) for child in node.iter_child_nodes()), default=0)
    return inside + isinstance(node, kind)
