"""Faults of the activations: the function that a sum is put through."""

from rnncheck.faults.pages.page import EVERY, Page
from rnncheck.model.spec import Cell

FAMILY = "activations"

PAGES = (
    Page(
        slug="wrong-nonlinearity",
        family=FAMILY,
        cells=EVERY,
        title="another nonlinearity is used",
        right="h_t = tanh(a_t)",
        wrong="h_t = relu(a_t), or σ(a_t), or a_t itself",
        causes=(
            "Frameworks have other defaults (early Keras: a hard sigmoid in the gates), the option was set on one side "
            "only, or a line of the equations was left without its function."
        ),
        looks=(
            "Every t differs, t = 0 included, except in units where both functions give the same. The range of the "
            "states tells which it is: relu is never negative, a sigmoid lies between 0 and 1, and a missing tanh goes "
            "beyond 1."
        ),
        mend="Use the nonlinearity that the reference has: tanh for states and proposals, a sigmoid for gates.",
        right_code="h = torch.tanh(a)",
        wrong_code="h = torch.relu(a)",
    ),
    Page(
        slug="missing-cell-activation",
        family=FAMILY,
        cells=(Cell.LSTM,),
        title="h is read from the cell state without tanh",
        right="h_t = o_t ⊙ tanh(c_t)",
        wrong="h_t = o_t ⊙ c_t",
        causes=(
            "g already went through a tanh, and the second one, on the cell state, is taken for the same and left out."
        ),
        looks=(
            "h differs from t = 0 on, the more the larger the cell state is, and may exceed 1; where c is near 0 "
            "tanh(c) is nearly c and little shows. In lockstep h fails, while the first layer's c passes."
        ),
        mend="Apply tanh to the cell state before the output gate.",
        right_code="h = o * torch.tanh(c)",
        wrong_code="h = o * c",
    ),
    Page(
        slug="approximate-activation",
        family=FAMILY,
        cells=EVERY,
        title="tanh or sigmoid is only approximated",
        right="tanh(a)",
        wrong="a (15 + a²) / (15 + 6 a²) within ±1, a table, or straight lines",
        causes=(
            "Kernels trade digits for speed: a lookup table, a rational function, a hard sigmoid, a GPU's fast tanh "
            "instruction."
        ),
        looks=(
            "Every t differs by a little, and it does not grow with time. The gap stays as large in float64: no "
            "precision takes it away. The formula above is off by up to 0.019, and by almost nothing near a = 0."
        ),
        mend="Use the exact function, or state with --atol how much the approximation may cost.",
        right_code="h = torch.tanh(a)",
        wrong_code="""\
h = a * (15 + a**2) / (15 + 6 * a**2)
h = h.clamp(-1, 1)""",
    ),
)
