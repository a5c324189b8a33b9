"""The values of `--arg name=`: Python literals, text, or a word that may name a class."""

import ast

TEXT = "str:"  # before what is text, whatever it looks like
OPENS = ("[", "(", "{", "'", '"')  # a literal that, unlike a word, has an end to be missing


class Word(str):
    """What is no literal: text, unless the candidate's file has a class of that name."""


def typed(text: str) -> object:
    """`64`, `[1, 2]`, `None` and `True` as Python reads them; `str:64` is text.

    Raises `ValueError` for half a literal.
    """
    if text.startswith(TEXT):
        return text.removeprefix(TEXT)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        if text.startswith(OPENS):
            raise ValueError(text) from None
        return Word(text)
