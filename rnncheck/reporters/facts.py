"""Loose facts, as `key value`: what a source of data, an environment or doctor tells of itself."""

from collections.abc import Mapping

from rnncheck.reporters.numbers import count
from rnncheck.reporters.screen import Screen

MOST = 8  # members of a list


def told(facts: Mapping[str, object], screen: Screen) -> list[str]:
    """Each fact as `key value`; what is None has nothing to tell."""
    return [f"{screen.clean(key)} {plain(value, screen)}" for key, value in facts.items() if value is not None]


def plain(value: object, screen: Screen) -> str:
    """One value in words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        shown = [plain(each, screen) for each in value[:MOST]]
        more = [f"... {count(len(value))} in all"] if len(value) > MOST else []
        return f"({', '.join(shown + more)})"
    text = screen.clean(value, 200)
    return text if any(map(str.isalnum, text)) else repr(text)
