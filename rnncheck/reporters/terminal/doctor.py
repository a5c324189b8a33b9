"""Facts as `key value`: those of `rnncheck doctor`, of a data source or of an environment."""

from collections.abc import Mapping

from rich.text import Text

from rnncheck.reporters.numbers import count
from rnncheck.reporters.terminal.layout import hanging
from rnncheck.reporters.terminal.screen import Screen

MOST_MEMBERS = 8  # members of a list


def facts_in_words(facts: Mapping[str, object], screen: Screen) -> list[str]:
    """Each fact as `key value`, without those that are None."""
    return [f"{screen.clean(key)} {in_words(value, screen)}" for key, value in facts.items() if value is not None]


def in_words(value: object, screen: Screen) -> str:
    """One value in words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        shown = [in_words(each, screen) for each in value[:MOST_MEMBERS]]
        more = [f"... {count(len(value))} in all"] if len(value) > MOST_MEMBERS else []
        return f"({', '.join(shown + more)})"
    text = screen.clean(value, 200)
    return text if any(map(str.isalnum, text)) else repr(text)


def doctor(facts: Mapping[str, object], screen: Screen) -> list[Text]:
    """A heading for each section, and its facts below in two columns. Facts outside sections come first."""
    facts = {
        key: value for key, value in facts.items() if value != {}
    }  # of a copy without metadata, no extras are known
    sections = {key: value for key, value in facts.items() if isinstance(value, Mapping)}
    loose = {key: value for key, value in facts.items() if key not in sections}
    keys = [screen.clean(key) for section in (loose, *sections.values()) for key in section]
    column = 2 + max(map(len, keys), default=0) + 2
    lines = _rows(loose, screen, column)
    for heading, section in sections.items():
        lines += [Text()] if lines else []
        lines += [Text(screen.clean(heading), "bold"), *_rows(section, screen, column)]
    return lines


def _rows(section: Mapping[str, object], screen: Screen, column: int) -> list[Text]:
    lines: list[Text] = []
    for key, value in section.items():
        lines += hanging(Text(f"  {screen.clean(key)}", "dim"), Text(in_words(value, screen)), screen.width, column)
    return lines
