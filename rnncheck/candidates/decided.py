"""What was decided about how a candidate is called that even an agreement has to say: another layer may hide in it."""

from rnncheck.candidates.convention import Convention


def decided(convention: Convention, *, batch_first_by_default: bool) -> list[str]:
    """`batch_first_by_default` says that its constructor has it so, where nobody asked for it."""
    said = []
    if batch_first_by_default and convention.x_axes.startswith("B"):
        said.append("it is batch first by default, and was left so")
    if convention.by_row:
        said.append("it takes no batch, and was called with one row at a time")
    return said
