"""Keras, imported on first use, on the backend that the user chose, or on torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from rnncheck.errors import CannotRun, UsageError
from rnncheck.extras import installed
from rnncheck.model.spec import Cell
from rnncheck.text import printable

PREFIX = "keras:"
CLASSES = {"SimpleRNN": Cell.RNN, "LSTM": Cell.LSTM, "GRU": Cell.GRU}
VARIABLE = "KERAS_BACKEND"
BACKENDS = ("torch", "jax")
IN_FLOAT64 = "Keras itself computes the matrix products of float64 in float32; rnncheck let it compute them in float64"


def check(called: str) -> None:
    """Raises `UsageError` for a class that is not among those that rnncheck runs."""
    if called not in CLASSES:
        raise UsageError(
            f"rnncheck runs {', '.join(PREFIX + each for each in CLASSES)}, not {PREFIX}{printable(called, 60)}; name "
            "a layer of your own as file.py:MyLayer"
        )


@contextmanager
def chosen() -> Iterator[None]:
    """Within it a Keras that is imported runs on torch, unless the user chose another backend.

    Keras reads the variable once, when it is imported, so it is put back afterwards.
    """
    if VARIABLE in os.environ:
        yield
        return
    os.environ[VARIABLE] = "torch"
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def keras(what: str) -> Any:
    """The package. Raises `CannotRun`, for `what`, where it is not installed, or where its backend is another."""
    installed(what, "keras", "keras")
    with chosen():
        try:
            import keras
        except Exception as problem:  # its backend is not installed, or is broken
            asked = printable(os.environ[VARIABLE], 40)
            raise CannotRun(
                f"keras cannot be imported with {VARIABLE}={asked}: {type(problem).__name__}: "
                f"{printable(str(problem), 200)}"
            ) from problem
    if (found := keras.backend.backend()) not in BACKENDS:
        raise CannotRun(
            f"{what}: Keras runs on the backend {printable(found, 40)} here, and rnncheck runs it on "
            f"{' and '.join(BACKENDS)}; set {VARIABLE}={BACKENDS[0]}"
        )
    return keras


@contextmanager
def within(keras: Any, dtype: str, device: str) -> Iterator[None]:
    """Within it Keras makes its tensors, and computes, in `dtype` and on `device`; then as before."""
    import torch

    from rnncheck.implementations.jax_bridge import precision

    wide = precision(getattr(torch, dtype)) if keras.backend.backend() == "jax" else nullcontext()
    with computing(keras, dtype), wide, keras.device(device):
        yield


@contextmanager
def computing(keras: Any, dtype: str) -> Iterator[None]:
    """Within it Keras computes in `dtype`; then as before.

    By its rules of promotion, Keras multiplies float64 in float32. Within float64 that rule does not hold.
    """
    from keras.src.backend.common import dtypes

    before, narrowed = (keras.config.floatx(), keras.config.dtype_policy()), dict(dtypes.BIT64_TO_BIT32_DTYPE)
    keras.config.set_floatx(str(dtype))
    keras.config.set_dtype_policy(str(dtype))
    if str(dtype) == "float64":
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    try:
        yield
    finally:
        dtypes.BIT64_TO_BIT32_DTYPE.update(narrowed)
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
