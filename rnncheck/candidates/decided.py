"""What was decided about how a candidate is called that even an agreement has to say: another layer may hide in it."""

from rnncheck.candidates.convention import Convention


def decided(convention: Convention) -> list[str]:
    return ["it takes no batch, and was called with one row at a time"] if convention.by_row else []
