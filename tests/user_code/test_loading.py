"""What a candidate's name leads to, and what is said where it leads nowhere."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from user_code.sources import HEAD, RNN, Write

Command = Callable[..., Any]


def verdict(outcome: Any) -> str:
    return outcome.stdout.partition(":")[0]


def test_a_class_in_a_file(rnncheck: Command, write: Write) -> None:
    write(RNN)
    assert verdict(rnncheck("compare", "mine.py:MyRNN", "-q")) == "equivalent"


def test_a_file_alone_is_its_only_layer(rnncheck: Command, write: Write) -> None:
    write(RNN + "def helper(x):\n    return x\n")
    assert verdict(rnncheck("compare", "mine.py", "-q")) == "equivalent"


def test_a_file_of_several_lists_them(rnncheck: Command, write: Write) -> None:
    write(RNN + "class OtherRNN(MyRNN):\n    pass\n")
    outcome = rnncheck("compare", "mine.py")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert outcome.stderr == "error: mine.py defines MyRNN, OtherRNN; name one of them, as in mine.py:MyRNN\n"


def test_siblings_and_relative_imports_work(rnncheck: Command, write: Write) -> None:
    write("", "package/__init__.py")
    write(RNN, "package/layers.py")
    write("from .layers import MyRNN\nclass Sub(MyRNN):\n    pass\n", "package/model.py")
    write(RNN, "plain/neighbour.py")
    write("from neighbour import MyRNN\nclass Sub(MyRNN):\n    pass\n", "plain/model.py")
    assert verdict(rnncheck("compare", "package/model.py:Sub", "-q")) == "equivalent"
    assert verdict(rnncheck("compare", "plain/model.py:Sub", "-q")) == "equivalent"
    assert verdict(rnncheck("compare", "package.model:Sub", "-q")) == "equivalent"


def test_a_module_may_have_the_name_of_its_package(rnncheck: Command, write: Write) -> None:
    write("from .layers import MyRNN\n", "layers/__init__.py")
    write(RNN, "layers/layers.py")
    assert verdict(rnncheck("compare", "layers/layers.py:MyRNN", "-q")) == "equivalent"


def test_a_file_stands_by_itself_where_others_of_its_package_cannot_be_imported(
    rnncheck: Command, write: Write
) -> None:
    write("import not_installed_here\n", "package/__init__.py")
    write(RNN, "package/layers.py")
    write("from .layers import MyRNN\nclass Sub(MyRNN):\n    pass\n", "package/model.py")
    assert verdict(rnncheck("compare", "package/layers.py:MyRNN", "-q")) == "equivalent"
    needs_the_package = rnncheck("compare", "package/model.py:Sub", "-q")
    assert needs_the_package.code == 4
    assert "ModuleNotFoundError: No module named 'not_installed_here'" in needs_the_package.stderr


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("def make(input_size, hidden_size):\n    return MyRNN(input_size, hidden_size)\n", "make"),
        ("layer = MyRNN(3, 4)\n", "layer"),
        ("class Outer:\n    class Inner(MyRNN):\n        pass\n", "Outer.Inner"),
    ],
    ids=["factory", "instance", "nested"],
)
def test_what_makes_or_is_a_layer(rnncheck: Command, write: Write, more: str, name: str) -> None:
    write(RNN + more)
    assert verdict(rnncheck("compare", f"mine.py:{name}", "-q")) == "equivalent"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("mine.py:MyRMM", 4, "mine.py has no MyRMM; did you mean MyRNN?"),
        ("mime.py:MyRNN", 4, "mime.py does not exist; did you mean mine.py?"),
        ("nowhere/mine.py:MyRNN", 4, "nowhere/mine.py does not exist, nor does its directory nowhere"),
        ("./:MyRNN", 4, ". is a directory; name a file in it; there are mine.py"),
        ("mine.py:", 2, "after the colon write the name of a class or function"),
        ("mine.py:My RNN", 2, "after the colon write the name of a class or function"),
        (":MyRNN", 2, "before the colon write a file or a module"),
        ("mine.py:NUMBER", 4, "mine.py:NUMBER is int 3, not a layer"),
        ("not_there.at_all:MyRNN", 4, "there is no module not_there"),
        ("C:\\mine.py:MyRNN", 4, "does not exist"),
        ("scrach", 2, "did you mean scratch?"),
    ],
)
def test_what_leads_nowhere_says_what_is_there(
    rnncheck: Command, write: Write, name: str, code: int, said: str
) -> None:
    write(RNN + "NUMBER = 3\n")
    outcome = rnncheck("compare", name)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_report_never_takes_the_place_of_the_candidate(rnncheck: Command, write: Write) -> None:
    path = write(RNN)
    outcome = rnncheck("compare", "mine.py:MyRNN", "-o", "mine.py")
    assert outcome.code == 2
    assert path.read_text() == RNN


def test_either_side_can_be_the_users_own(rnncheck: Command, write: Write) -> None:
    write(RNN)
    assert verdict(rnncheck("compare", "scratch", "--against", "mine.py:MyRNN", "-q")) == "equivalent"
    assert verdict(rnncheck("compare", "mine.py:MyRNN", "--against", "mine.py:MyRNN", "-q")) == "equivalent"


def test_the_path_is_as_it_was(rnncheck: Command, write: Write) -> None:
    write(RNN)
    before = list(sys.path)
    rnncheck("compare", "mine.py:MyRNN", "-q")
    assert sys.path == before


def test_a_file_without_anything_says_so(rnncheck: Command, write: Write) -> None:
    write(HEAD)
    assert "mine.py defines no class or function" in rnncheck("compare", "mine.py").stderr


SUB = "class Sub(MyRNN):\n    pass\n"
PLACES = {
    "a package with a file of its name": {
        "model/__init__.py": "",
        "model/model.py": f"from .layers import MyRNN\n{SUB}",
    },
    "a folder that is no package": {"model/model.py": f"from .layers import MyRNN\n{SUB}"},
    "a folder above that is no package": {"model/part/model.py": f"from ..layers import MyRNN\n{SUB}"},
    "a module that is found above": {"model/model.py": f"from model.layers import MyRNN\n{SUB}"},
    "a module beside a folder above": {"src/mine.py": f"from model.layers import MyRNN\n{SUB}"},
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_written_to_run_from_a_folder_above_is_found(rnncheck: Command, write: Write, place: str) -> None:
    write(RNN, "model/layers.py")
    for name, text in PLACES[place].items():
        file = write(text, name)
    assert verdict(rnncheck("compare", f"{file}:Sub", "-q")) == "equivalent"
    adapted = rnncheck("adapt", f"{file}:Sub", "-o", "adapted.py", "--force")
    assert adapted.code == 0
    assert verdict(rnncheck("compare", "adapted.py:Adapted", "--cell", "rnn", "-q")) == "equivalent"


def test_what_is_nowhere_stays_missing(rnncheck: Command, write: Write) -> None:
    write("from absent_everywhere import thing\n" + RNN)
    outcome = rnncheck("compare", "mine.py:MyRNN")
    assert outcome.code == 4
    assert "mine.py:1: ModuleNotFoundError: No module named 'absent_everywhere'" in outcome.stderr


def test_a_package_that_fails_half_imported_is_no_bug_of_ours(rnncheck: Command, write: Write) -> None:
    write("from failing.parts import one\nimport absent_everywhere\n", "failing/__init__.py")
    write("", "failing/parts/one.py")
    write("from .parts import one\n" + RNN, "failing/mine.py")
    outcome = rnncheck("compare", "failing/mine.py:MyRNN")
    assert outcome.code == 4
    assert "No module named 'absent_everywhere'" in outcome.stderr


@pytest.mark.slow
def test_a_file_is_read_anew_and_nothing_is_written_beside_it(
    rnncheck: Command, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write("H = 1\n", "helper.py")
    for number, right in (("2", False), ("1", True)):  # within one second, and of one size
        write("import helper\n" + RNN.replace("self.x2h(x_t)", f"{number} * self.x2h(x_t)"))
        outcome = rnncheck("compare", "mine.py:MyRNN", "--no-witness", "--read-seconds", "0.5", "--atol", "1e-3")
        assert (outcome.code == 0) is right
    assert not list(tmp_path.rglob("__pycache__"))
