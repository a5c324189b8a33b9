"""Streams to write a report to: what a pipe, a terminal or an old console say of themselves."""

import io


class Stream(io.StringIO):
    def __init__(self, encoding: str = "utf-8", terminal: bool = False) -> None:
        super().__init__()
        self._encoding, self._terminal = encoding, terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal
