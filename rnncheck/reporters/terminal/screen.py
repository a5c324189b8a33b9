"""What a screen can show: its width, colours and symbols. It also makes user text safe for a terminal."""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from rich.console import Console
from rich.text import Text

from rnncheck.text import printable

NARROWEST, WIDEST, USUAL = 60, 120, 80


@dataclass(frozen=True)
class Glyphs:
    """One set of signs that are not letters. `eighths` are the cells of a bar, from an empty one to a full one."""

    equivalent: str
    mismatch: str
    inconclusive: str
    exceeded: str
    first: str
    eighths: str
    track: str
    limit: str
    beyond: str
    shades: str
    skipped: str
    jump: str
    rule: str
    dot: str
    times: str
    at_most: str


UNICODE = Glyphs("✓", "✗", "?", "✗", "▶", " ▏▎▍▌▋▊▉█", "·", "│", "»", " ▁▂▃▄▅▆▇█", "⋯", "⋮", "─", "·", "×", "≤")
ASCII = Glyphs("=", "x", "?", "x", ">", " --====##", ".", "|", "+", " .:;+=o%@", "...", ":", "-", "|", "x", "<=")


def glyphs_for(encoding: str) -> Glyphs:
    """Symbols that this encoding can represent."""
    try:
        "".join(vars(UNICODE).values()).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


@dataclass(frozen=True)
class Screen:
    """An output stream: its width (within readable limits), its encoding, and whether it shows colours."""

    console: Console
    width: int

    @cached_property
    def glyphs(self) -> Glyphs:
        return glyphs_for(self.console.encoding)

    def clean(self, text: object, limit: int = 60) -> str:
        """User text without control characters and without characters that this encoding lacks."""
        encoding = self.console.encoding
        return printable(str(text), limit).encode(encoding, "backslashreplace").decode(encoding)

    def rendered(self, lines: list[Text]) -> str:
        """The lines as one string, with colours if the stream shows them."""
        stream, self.console.file = self.console.file, io.StringIO()  # capture() would touch the stream itself
        self.console.print(Text("\n").join(lines), soft_wrap=True)
        text, self.console.file = self.console.file.getvalue(), stream
        return text


def screen_for(stream: IO[str] | None, width: int | None = None) -> Screen:
    """The screen of `stream`. Without a stream: plain text of the usual width, for a file."""
    console = Console(
        file=io.StringIO() if stream is None else stream,
        color_system="auto" if stream is not None else None,
        width=USUAL if stream is None else None,
        markup=False,
        highlight=False,
        emoji=False,
    )
    return Screen(console, min(max(width or console.width, NARROWEST), WIDEST))
