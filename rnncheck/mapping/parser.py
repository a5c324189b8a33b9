"""Reads the expression language of mapping files.

tensor  = "zeros" | "ones" | "unused" | sum
sum     = factor { "+" factor }
factor  = "-" factor | ( rows | call | "(" sum ")" ) { ".T" }
rows    = name [ "[" gate { "," gate } "]" ]
call    = "cat" "(" sum { "," sum } [ "," "dim" "=" number ] ")" | one "(" sum ")"
one     = "reshape" | "column" | "interleaved" | "first"
"""

import re
from collections.abc import Callable, Collection

from rnncheck.mapping.expression import (
    GATES,
    Cat,
    Column,
    Expression,
    Eye,
    First,
    Interleaved,
    Negated,
    Ones,
    Reshaped,
    Rows,
    Sum,
    Transposed,
    Unused,
    Zeros,
)
from rnncheck.model.spec import Spec
from rnncheck.text import printable

_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_]\w*|\d+)|(?P<sign>\.T\b|[][(),+=-])|(?P<bad>\S))")
_WHOLE: dict[str, Callable[[], Expression]] = {"zeros": Zeros, "ones": Ones, "eye": Eye, "unused": Unused}
_ONE_ARGUMENT: dict[str, Callable[[Expression], Expression]] = {
    "reshape": Reshaped,
    "column": Column,
    "interleaved": Interleaved,
    "first": First,
}


class SyntaxProblem(Exception):
    """An error in an expression, at a column counted from 1."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")


def parse(text: str, spec: Spec) -> Expression:
    """The expression in `text`. Raises `SyntaxProblem`, also for names and gates that `spec` lacks."""
    return _Parser(text, spec).whole()


class _Parser:
    def __init__(self, text: str, spec: Spec) -> None:
        self.gates = GATES[spec.cell]
        self.weights: Collection[str] = spec.recurrent_shapes()
        self.end = len(text) + 1
        self.tokens = [(match.start(match.lastgroup or 0) + 1, match[0].strip()) for match in _TOKEN.finditer(text)]

    def whole(self) -> Expression:
        if len(self.tokens) == 1 and self.next in _WHOLE:
            return _WHOLE[self.next]()
        found = self.sum()
        if self.tokens:
            self.fail("the end, '+' or '.T'")
        return found

    def sum(self) -> Expression:
        terms = [self.factor()]
        while self.next == "+":
            self.take()
            terms.append(self.factor())
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def factor(self) -> Expression:
        if self.next == "-":
            self.take()
            return Negated(self.factor())
        found = self.primary()
        while self.next == ".T":
            self.take()
            found = Transposed(found)
        return found

    def primary(self) -> Expression:
        if self.next == "(":
            return self.enclosed()
        if self.next == "cat":
            self.take()
            return self.cat()
        if self.next in _ONE_ARGUMENT:
            made = _ONE_ARGUMENT[self.take()]
            return made(self.enclosed())
        if self.next not in self.weights:
            self.fail(f"one of {', '.join(self.weights)}, cat, {', '.join(_ONE_ARGUMENT)}")
        return Rows(self.take(), self.chosen_gates())

    def enclosed(self) -> Expression:
        self.expect("(")
        found = self.sum()
        self.expect(")")
        return found

    def cat(self) -> Expression:
        self.expect("(")
        parts, dim = [self.sum()], 0
        while self.next == ",":
            self.take()
            if self.next == "dim":
                self.take()
                self.expect("=")
                if self.next not in ("0", "1"):
                    self.fail("0 or 1")
                dim = int(self.take())
                break
            parts.append(self.sum())
        self.expect(")")
        return Cat(tuple(parts), dim)

    def chosen_gates(self) -> tuple[str, ...]:
        if self.next != "[":
            return ()
        chosen = list[str]()
        while not chosen or self.next == ",":
            self.take()
            if self.next not in self.gates:
                self.fail(f"a gate, one of {', '.join(self.gates)}" if self.gates else "no gate (the rnn has none)")
            chosen.append(self.take())
        self.expect("]")
        return tuple(chosen)

    @property
    def next(self) -> str:
        return self.tokens[0][1] if self.tokens else ""

    def take(self) -> str:
        return self.tokens.pop(0)[1]

    def expect(self, sign: str) -> None:
        if self.next != sign:
            self.fail(f"'{sign}'")
        self.take()

    def fail(self, wanted: str) -> None:
        column = self.tokens[0][0] if self.tokens else self.end
        got = f"'{printable(self.next)}'" if self.tokens else "the end"
        raise SyntaxProblem(column, f"expected {wanted}, but found {got}")
