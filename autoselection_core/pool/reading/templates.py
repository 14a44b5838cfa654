"""Templates over the fields of a record: `{Body} {Question}`, or the name of one field.

Nothing but fields is filled in: no formats, no attributes, no code.
"""

from string import Formatter

from autoselection_core.errors.recipe import SettingError

_FORMATTER = Formatter()


def parts_of(template: str) -> tuple[tuple[str, str | None], ...]:
    """The pieces of a template: literal text, and the field behind it; a plain name is one field.

    Example:
        >>> parts_of("{Body} {Question}"), parts_of("Answer")
        ((('', 'Body'), (' ', 'Question')), (('', 'Answer'),))
    """
    if "{" not in template and "}" not in template:
        return (("", template),)
    return tuple((literal, name) for literal, name, _, _ in _FORMATTER.parse(template))


def names_in(template: str) -> tuple[str, ...]:
    """The fields that a template names."""
    return tuple(name for _, name in parts_of(template) if name)


def require_template(setting: str, template: str) -> None:
    """Refuse what is no name of a field and no template of them.

    Raises:
        SettingError: It is none.
    """
    try:
        pieces = list(_FORMATTER.parse(template))
    except ValueError as error:
        raise SettingError(setting, template, f"a field or a template of fields ({error})") from error
    unusual = any(name == "" or spec or conversion for _, name, spec, conversion in pieces)
    if unusual or not names_in(template):
        raise SettingError(setting, template, "a field, or a template with the names of fields in braces")
