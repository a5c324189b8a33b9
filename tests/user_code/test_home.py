"""Two candidates with siblings or packages of one name get each their own."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import RNN, Write

Command = Callable[..., Any]
QUICK = ["-q", "--no-backward", "--no-witness", "--no-diagnose"]
USES = RNN.replace("torch.tanh(", "squash(")


def two(write: Write, folder: str, importing: str) -> tuple[str, str]:
    """tanh beside the one, relu beside the other."""
    for version, function in (("old", "tanh"), ("new", "relu")):
        write("", f"{version}/{folder}/__init__.py") if folder else None
        write(f"from torch import {function} as squash\n", f"{version}/{folder}/activations.py")
        write(importing + USES, f"{version}/{folder}/model.py")
    return f"old/{folder}/model.py:MyRNN", f"new/{folder}/model.py:MyRNN"


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("folder", "importing"),
    [
        ("", "from activations import squash\n"),
        ("mine", "from .activations import squash\n"),
        ("mine", "from mine.activations import squash\n"),
        ("email", "from .activations import squash\n"),
    ],
    ids=["siblings", "relative", "absolute", "the name of a library"],
)
def test_neither_side_gets_the_others_modules(rnncheck: Command, write: Write, folder: str, importing: str) -> None:
    old, new = two(write, folder, importing)
    assert rnncheck("compare", old, *QUICK).code == 0
    assert rnncheck("compare", new, *QUICK, "--nonlinearity", "relu").code == 0
    assert rnncheck("compare", old, "--against", new, *QUICK).code == 1
    assert rnncheck("compare", old, "--against", old, *QUICK).code == 0


@pytest.mark.slow  # as the siblings above
def test_an_import_inside_a_function_finds_its_own_too(rnncheck: Command, write: Write) -> None:
    old, new = two(write, "", "")
    for version in ("old", "new"):
        late = USES.replace("        outputs = []", "        from activations import squash\n        outputs = []")
        write(late, f"{version}/model.py")
    assert rnncheck("compare", old, "--against", new, *QUICK).code == 1
    assert rnncheck("compare", old, *QUICK).code == 0


def test_no_module_of_a_file_stays_behind_and_no_other_is_displaced(rnncheck: Command, write: Write) -> None:
    old, _ = two(write, "email", "from .activations import squash\n")
    import email

    before = dict(sys.modules)
    rnncheck("compare", old, *QUICK)
    assert sys.modules["email"] is email
    left = [name for name in sys.modules.keys() - before.keys() if "activations" in name or "model" in name]
    assert [name for name in left if not name.startswith(("rnncheck", "torch"))] == []
