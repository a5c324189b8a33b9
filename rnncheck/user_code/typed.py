"""The values of `--arg name=`: Python literals, text, or a word that may name a class."""

import ast

TEXT = "str:"  # marks text, also text that looks like a number
OPENS = ("[", "(", "{", "'", '"')  # a literal that, unlike a word, has an end to be missing


class Word(str):
    """A value that is not a literal: text, or a class of that name in the candidate's file."""


def typed(text: str) -> object:
    """The value of `64`, `[1, 2]`, `None` and `True` in Python; `str:64` is text.

    Raises `ValueError` for an incomplete literal.
    """
    if text.startswith(TEXT):
        return text.removeprefix(TEXT)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        if text.startswith(OPENS):
            raise ValueError(text) from None
        return Word(text)
