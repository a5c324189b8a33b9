"""The lines of a wrapper that read the states from what the subject returns."""

import ast

from rnncheck.adapt.pieces import code_of
from rnncheck.adapt.source import Returned, last_return
from rnncheck.adapt.subject import Subject
from rnncheck.model.spec import Cell
from rnncheck.user_code.hints import MARK
from rnncheck.user_code.signatures import is_cell_state, is_state


def unpacked(subject: Subject) -> tuple[list[str], str]:
    """The lines that unpack the result of a whole sequence, and the last line."""
    lstm = subject.cell is Cell.LSTM
    returned = None if subject.forward is None else last_return(code_of(subject.forward))
    why = f"  {MARK}it returns {shortened(returned.text)}" if returned else f"  {MARK}what does it return?"
    if subject.one_step:
        taken = step_result(returned, lstm=lstm)
        return [f"{'h, c' if lstm else 'h'} = {taken}{why}"], ""
    names, places = whole_result(returned, lstm=lstm)
    ending = {"output": "output", "output, h_n": "output, h_n"}.get(names, "output, (h_n, c_n)")
    return [f"{names} = {places}{why}"], f"return {ending}"


def shortened(text: str) -> str:
    return text if len(text) <= 50 else f"{text[:50]}..."


def step_result(returned: Returned | None, *, lstm: bool) -> str:
    """The lines that read h, and c, from the result of one step."""
    parts = named_parts(returned)
    h = next((at for name, at in parts if name and is_state(name) and not is_cell_state(name)), None)
    c = next((at for name, at in parts if is_cell_state(name)), None)
    if lstm:
        return f"result{h}, result{c}" if h and c else "result"
    if len(parts) > 1:
        return f"result{h or parts[-1][1]}"
    return f"result{h}" if h and returned and isinstance(returned.value, ast.Dict) else "result"


def whole_result(returned: Returned | None, *, lstm: bool) -> tuple[str, str]:
    """The names for the parts of the result of a whole sequence, and the expressions for them."""
    parts = named_parts(returned)
    if returned and isinstance(returned.value, ast.Dict):
        places = ", ".join(f"result{at}" for _, at in parts) or "result"
        cells = [at for name, at in parts if is_cell_state(name)]
        if lstm and len(parts) == 2 and cells:
            output = next(at for _, at in parts if at != cells[0])
            return "output, h_n, c_n", f"result{output}, result{output}[-1], result{cells[0]}"
        return {1: "output", 2: "output, h_n"}.get(len(parts), "output, h_n, c_n"), places
    if len(parts) < 2:
        return "output", "result"
    if not lstm:
        return "output, h_n", "result" if len(parts) == 2 else "result[0], result[1]"
    return (
        ("output, (h_n, c_n)", "result") if len(parts) == 2 else ("output, h_n, c_n", "result[0], result[1], result[2]")
    )


def named_parts(returned: Returned | None) -> list[tuple[str, str]]:
    """What is returned beside each other: the name that each part has there, and how to get at it."""
    value = None if returned is None else returned.value
    if isinstance(value, ast.Dict):
        keys = [each.value for each in value.keys if isinstance(each, ast.Constant)]
        return [(str(key), f"[{key!r}]".replace("'", '"')) for key in keys]
    if isinstance(value, ast.Tuple):
        names = [each.id if isinstance(each, ast.Name) else "" for each in value.elts]
        return [(name, f"[{n}]") for n, name in enumerate(names)]
    return []
