"""Token ids: what looks them up inside is compared by what it looks up, in batches, rows and single steps."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from user_code.sources import HEAD, Write

Command = Callable[..., Any]

LOOK_UPS = {
    "embedding": ("self.table = nn.Embedding(vocab_size, {size})", "v = self.table(ids{view})"),
    "functional one-hot": ("", "v = nn.functional.one_hot(ids{view}, self.words).to(self.out.weight.dtype)"),
    "ones written": ("", "v = self.codes(ids{view})"),
    "ones scattered": ("", "v = self.scattered(ids{view})"),
}
CODES = (
    "    def codes(self, ids):\n"
    "        codes = torch.zeros(ids.numel(), self.words)\n"
    "        codes[torch.arange(ids.numel()), ids.reshape(-1)] = 1\n"
    "        return codes.view(*ids.shape, self.words)\n"
    "    def scattered(self, ids):\n"
    "        codes = torch.zeros(*ids.shape, self.words)\n"
    "        return codes.scatter_(-1, ids.unsqueeze(-1), 1.0)\n"
)
TAKES = {  # the view of the ids, what is called with the state, and what is returned
    "batch": ("", "ids", "y, _ = self.layer(v)", "self.out(y)"),
    "batch, last state": ("", "ids", "y, s = self.layer(v)", "self.out(y[:, -1])"),
    "one row": (".view(-1, 1)", "ids", "y, _ = self.layer(v.transpose(0, 1))", "self.out(y[0])"),
    "one row and its state": ("", "ids, s", "y, s = self.layer(v[None], s)", "self.out(y[0]), s"),
    "one id": (".view(1, 1)", "ids, s", "y, s = self.layer(v, s)", "self.out(y[0]), s"),
    "ids of a step": ("[:, None]", "ids, s", "y, s = self.layer(v, s)", "self.out(y[:, 0]), s"),
}


def tagger(look_up: str, takes: str, layer: str) -> str:
    table, looked_up = LOOK_UPS[look_up]
    view, given, called, returned = TAKES[takes]
    size = "units" if look_up == "embedding" else "vocab_size"
    return HEAD + (
        "class Tagger(nn.Module):\n"
        "    def __init__(self, vocab_size, units, num_classes):\n"
        "        super().__init__()\n"
        "        self.words = vocab_size\n"
        f"        {table.format(size=size) or 'pass'}\n"
        f"        self.layer = nn.{layer}({size}, units, batch_first=True)\n"
        "        self.out = nn.Linear(units, num_classes)\n"
        f"{CODES}"
        f"    def forward(self, {given}):\n"
        f"        {looked_up.format(view=view)}\n"
        f"        {called}\n"
        f"        return {returned}\n"
    )


@pytest.mark.sample(3)
@pytest.mark.parametrize(("look_up", "takes", "layer"), list(product(LOOK_UPS, TAKES, ("GRU", "LSTM", "RNN"))))
def test_a_right_layer_behind_them_passes(
    rnncheck: Command, write: Write, look_up: str, takes: str, layer: str
) -> None:
    write(tagger(look_up, takes, layer))
    sizes = ("--input-size", "6", "--hidden-size", "6") if look_up == "embedding" else ("--hidden-size", "6")
    outcome = rnncheck("compare", "mine.py", *sizes, "-q", "--no-witness", "--paths", "none")
    assert outcome.code == 0, outcome.stdout + outcome.stderr


@pytest.mark.sample(1)
@pytest.mark.parametrize("takes", ["batch", "one id"])
def test_a_wrong_one_does_not(rnncheck: Command, write: Write, takes: str) -> None:
    write(tagger("embedding", takes, "GRU").replace("self.layer(v", "self.layer(v.relu()"))
    outcome = rnncheck("compare", "mine.py", "--input-size", "6", "--hidden-size", "6", "-q", "--no-witness")
    assert outcome.code == 1, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("signature", ["vocab_size, emb_dim, units", "emb_dim, units, vocab_size"])
def test_a_vocabulary_beside_the_size_of_an_embedding_is_no_size_of_x(
    rnncheck: Command, write: Write, signature: str
) -> None:
    text = tagger("embedding", "batch", "GRU").replace("vocab_size, units, num_classes", f"{signature}, num_classes")
    text = text.replace("nn.Embedding(vocab_size, units)", "nn.Embedding(vocab_size, emb_dim)")
    write(text.replace("nn.GRU(units", "nn.GRU(emb_dim"))
    outcome = rnncheck("compare", "mine.py", "-q", "--no-witness")
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_the_cell_that_a_constructor_is_told_with_arg_is_the_cell(rnncheck: Command, write: Write) -> None:
    text = tagger("embedding", "batch", "GRU").replace("num_classes):", "num_classes, rnn_type):")
    write(text.replace("nn.GRU(", "getattr(nn, rnn_type)(").replace("class Tagger", "class RNNModel"))
    sizes = ("--input-size", "6", "--hidden-size", "6")
    outcome = rnncheck("compare", "mine.py", "--arg", "rnn_type=LSTM", *sizes, "--no-witness", "--format", "json")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    assert "the torch.nn layer of the lstm in it" in outcome.stdout
