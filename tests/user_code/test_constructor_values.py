"""What a constructor is given where its parameters' names do not say all."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict
from rnncheck.user_code.arguments import Constructor
from rnncheck.user_code.roles import role_of


class Tagger(nn.Module):
    """Its hidden_dim is that of both directions together, and two of its parameters may be left out."""

    def __init__(self, feat_dim: int, hidden_dim: int, pretrained: Tensor | None, gpu: bool) -> None:
        super().__init__()
        assert hidden_dim % 2 == 0
        self.lstm = nn.LSTM(feat_dim, hidden_dim // 2, bidirectional=True)
        if pretrained is not None:
            self.lstm.weight_ih_l0.data.copy_(pretrained)
        if gpu:
            self.lstm.cuda()

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class WrongTagger(Tagger):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(super().forward(x).chunk(2, -1)[::-1], -1)


def test_a_hidden_size_of_both_directions_is_given_twice_and_told() -> None:
    report = check(Tagger, bidirectional=True)
    assert report.verdict is Verdict.EQUIVALENT
    assert "its hidden size is that of both directions together" in map(str, report.conventions)


@pytest.mark.slow
@pytest.mark.explained
def test_such_a_layer_is_judged() -> None:
    report = check(WrongTagger, bidirectional=True, witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert report.findings[0].slug == "directions-swapped"


class Unclear(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, flavour: str, colour: str) -> None:
        super().__init__()


def test_all_values_that_are_not_known_are_asked_for_at_once() -> None:
    with pytest.raises(CannotRun, match=r"needs flavour and colour, .* --arg flavour=VALUE --arg colour=VALUE"):
        check(Unclear, cell="rnn")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("enc_hidden_dim", "hidden_size"),
        ("LSTM_NUM_LAYERS", "num_layers"),
        ("d_feat", "input_size"),
        ("decoder_hidden_dim", "output_size"),
        ("brnn", "bidirectional"),
        ("rnn_cell", None),
    ],
)
def test_names_of_sizes_say_what_they_are(name: str, role: str | None) -> None:
    assert role_of(name) == role


def test_a_size_is_given_although_its_code_asks_whether_it_is_none() -> None:
    def made(input_size: int, hidden_size: int) -> None:
        assert hidden_size is not None

    roles = Constructor(made, "made", {}).roles
    assert roles == {"input_size": "input_size", "hidden_size": "hidden_size"}


class Activated(nn.Module):
    """`act` is a function, or a module that stands for one."""

    def __init__(self, input_size: int, hidden_size: int, act) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.act = act

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        states = []
        for x_t in x:
            h = self.act(self.of_x(x_t) + self.of_h(h))
            states.append(h)
        return torch.stack(states)


class OfClass(Activated):
    def __init__(self, input_size: int, hidden_size: int, nonlinearity) -> None:  # type: ignore[no-untyped-def]
        super().__init__(input_size, hidden_size, nonlinearity())


class OfName(Activated):
    def __init__(self, input_size: int, hidden_size: int, nonlinearity) -> None:  # type: ignore[no-untyped-def]
        super().__init__(input_size, hidden_size, getattr(torch, nonlinearity))


class OfWord(Activated):
    """It compares the name, and calls what it keeps under the name of its parameter."""

    def __init__(self, input_size: int, hidden_size: int, act) -> None:  # type: ignore[no-untyped-def]
        super().__init__(input_size, hidden_size, act)
        self.act = torch.tanh if act == "tanh" else torch.relu


class OfNone(Activated):
    """It takes a nonlinearity and has its own."""

    def __init__(self, input_size: int, hidden_size: int, nonlinearity) -> None:  # type: ignore[no-untyped-def]
        super().__init__(input_size, hidden_size, torch.sigmoid)


@pytest.mark.parametrize("wanted", ["tanh", "relu"])
@pytest.mark.parametrize("candidate", [Activated, OfClass, OfName, OfWord])
def test_a_nonlinearity_is_given_in_the_form_that_its_code_takes(candidate: type, wanted: str) -> None:
    report = check(candidate, cell="rnn", nonlinearity=wanted, witness=False)
    assert report.verdict is Verdict.EQUIVALENT


@pytest.mark.explained
def test_another_nonlinearity_is_found_out() -> None:
    report = check(OfNone, cell="rnn", witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "wrong-nonlinearity")


class FromSettings(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.block_size, self.rate = config.block_size, config.learning_rate
        self.table = nn.Embedding(config.vocab_size, config.n_embd)
        self.inner = nn.GRU(config.n_embd, config.units, batch_first=True)
        self.head = nn.Linear(config.units, config.n_classes)

    def forward(self, ids: Tensor) -> Tensor:
        assert ids.shape[1] <= self.block_size
        return self.head(self.inner(self.table(ids))[0])


def test_what_a_configuration_says_of_training_gets_its_usual_value() -> None:
    assert check(FromSettings, witness=False, paths="none").verdict is Verdict.EQUIVALENT


class OfBase(nn.Module):
    def __init__(self, kind: str, cell: type, input_size: int, hidden_size: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.layer = {"gru": nn.GRU}[kind](input_size, hidden_size, bidirectional=bidirectional)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        return self.layer(x, h)


class Passes(OfBase):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, kind="gru", cell=nn.GRUCell, **kwargs)


class RNNOfTwoKinds(nn.Module):
    """It makes whatever cell it is told, of two; its embedding's size and its cell's input size are one."""

    def __init__(self, rnn_type: str, vocab_size: int, emb_size: int, input_size: int, hidden_size: int) -> None:
        super().__init__()
        assert rnn_type in ("LSTM", "GRU")
        self.embedding = nn.Embedding(vocab_size, emb_size)
        self.rnn = getattr(nn, rnn_type)(input_size, hidden_size)

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.rnn(self.embedding(x), state)


def test_what_a_class_hands_to_its_base_is_not_asked_for() -> None:
    report = check(Passes, cell="gru", bidirectional=True, witness=False, backward=False)
    assert report.verdict is Verdict.EQUIVALENT


def test_a_class_that_does_not_make_the_cell_of_its_name_says_another() -> None:
    report = check(RNNOfTwoKinds, witness=False, backward=False)
    assert (report.verdict, report.spec.cell) == (Verdict.EQUIVALENT, "lstm")
    assert any("what its constructor accepts" in note for note in report.notes)


class OfCharacters(nn.Module):
    """Its input size is the number of its characters."""

    def __init__(self, tokens: list[str], n_hidden: int) -> None:
        super().__init__()
        self.chars = tokens
        self.ids = {character: number for number, character in enumerate(self.chars)}
        self.gru = nn.GRU(len(self.chars), n_hidden)

    def forward(self, x: Tensor, hidden: Tensor) -> Any:
        return self.gru(x, hidden)


def test_what_is_counted_is_a_list_of_as_many() -> None:
    assert check(OfCharacters, cell="gru", witness=False).verdict is Verdict.EQUIVALENT
