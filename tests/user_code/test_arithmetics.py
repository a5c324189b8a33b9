"""numpy and torch are told apart by what a candidate does with what it is given, whatever its file imports."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import Write

NUMPY = (
    "class Layer:\n"
    "    def __init__(self, n_in, n_h):\n"
    "        self.W, self.U, self.b = {weights}\n"
    "    def forward(self, X):\n"
    "        h, states = np.zeros((X.shape[1], len(self.U))), []\n"
    "        for x in X:\n"
    "            h = np.tanh(x @ self.W.T + h @ self.U.T + self.b)\n"
    "            states.append(h)\n"
    "        return np.array(states)\n"
)
ARRAYS = "np.zeros((n_h, n_in)), np.zeros((n_h, n_h)), np.zeros(n_h)"


@pytest.mark.parametrize("imports", ["import numpy as np\n", "import numpy as np\nimport torch\n"])
def test_a_class_of_numpy_is_given_arrays(rnncheck: Callable[..., Any], write: Write, imports: str) -> None:
    write(imports + NUMPY.format(weights=ARRAYS))
    outcome = rnncheck("compare", "mine.py", "--cell", "rnn", "-q", "--no-witness")
    assert (outcome.code, outcome.stderr) == (0, "")


def test_one_that_holds_a_tensor_beside_its_arrays_is_too(rnncheck: Callable[..., Any], write: Write) -> None:
    spare = "        self.seen = torch.zeros(1)\n    def forward"
    write("import numpy as np\nimport torch\n" + NUMPY.format(weights=ARRAYS).replace("    def forward", spare))
    assert rnncheck("compare", "mine.py", "--cell", "rnn", "-q", "--no-witness").code == 0


def test_where_neither_works_the_likelier_is_told(rnncheck: Callable[..., Any], write: Write) -> None:
    write("import numpy as np\n" + NUMPY.format(weights=ARRAYS).replace("self.U.T", "self.V.T"))
    outcome = rnncheck("compare", "mine.py", "--cell", "rnn")
    assert outcome.code == 4
    assert "'Layer' object has no attribute 'V'" in outcome.stderr
