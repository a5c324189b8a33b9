"""Hints from the name of a candidate about its directions and layers."""

from collections.abc import Collection

from rnncheck.model.spec import Spec
from rnncheck.user_code.signatures import words

SEVERAL = {"stacked", "stack", "deep", "multi", "multilayer", "two", "2"}


def shape_hint(called: str, takes: Collection[str], spec: Spec) -> str | None:
    """The option to try, if the name suggests directions or layers that the spec does not have."""
    said = set(words(called.replace("RNN", "Rnn").replace("LSTM", "Lstm").replace("GRU", "Gru")))
    if not spec.bidirectional and "bidirectional" not in takes and said & {"bi", "bidirectional"}:
        return f"The name {called} suggests both directions: --bidirectional compares it with a bidirectional layer"
    if spec.num_layers == 1 and "num_layers" not in takes and said & SEVERAL:
        return f"The name {called} suggests several layers: --num-layers N compares it with N layers"
    return None
