"""What `rnncheck doctor` found: keys and values by section."""

from collections.abc import Mapping

from rich.text import Text

from rnncheck.reporters.facts import plain
from rnncheck.reporters.layout import hanging
from rnncheck.reporters.screen import Screen


def doctor(facts: Mapping[str, object], screen: Screen) -> list[Text]:
    """A heading for each section, its facts below in two columns; facts that are in no section come first."""
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
        lines += hanging(Text(f"  {screen.clean(key)}", "dim"), Text(plain(value, screen)), screen.width, column)
    return lines
