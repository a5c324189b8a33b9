"""What the package offers, and that it is told what each of its parameters is."""

import inspect
from collections.abc import Callable

import pytest

import rnncheck as package
from rnncheck import Report, assert_equivalent, check


def test_the_package_names_what_it_offers_and_nothing_else() -> None:
    assert {name for name in package.__all__ if not hasattr(package, name)} == set()
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = package.chekc


@pytest.mark.parametrize("function", [check, assert_equivalent])
def test_both_have_one_signature_and_say_what_each_parameter_is(function: Callable[..., Report]) -> None:
    assert inspect.signature(function) == inspect.signature(check)
    assert function.__doc__
    if function is check:
        said = function.__doc__.replace(",", " ").replace(":", " ").replace("`", " ").split()
        assert [name for name in inspect.signature(check).parameters if name not in said] == []
