"""Faults of arithmetic, and differences that are none."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "arithmetic"

PAGES = (
    Page(
        slug="low-precision-compute",
        family=FAMILY,
        cells=EVERY,
        title="the layer computes more coarsely than its dtype",
        right="float32: numbers of 24 bits, in every sum and product",
        wrong="bfloat16: 8 bits; TF32 and float16: 11 bits",
        causes=(
            "autocast; TF32 in the matrix products of a GPU, which cuDNN uses unless told otherwise; a cast to half "
            "and back; float32 constants or buffers in a float64 layer."
        ),
        looks=(
            "Every t differs a little, in lockstep too, where the difference is about the same at every step. The "
            "report names the precision whose rounding the errors show."
        ),
        mend="Compute in the dtype of the weights: turn autocast and TF32 off, and cast nothing down.",
        right_code="a = h @ W_hh.T",
        wrong_code="a = (h.half() @ W_hh.half().T).to(h.dtype)",
    ),
    Page(
        slug="nan-introduced",
        family=FAMILY,
        cells=EVERY,
        title="a NaN or infinity stands in a number's place",
        right="tanh(a), which is 1 for a large a",
        wrong="(e^{2a} − 1) / (e^{2a} + 1), which is ∞ / ∞ for a large a",
        causes=(
            "A formula that overflows on the way to a harmless result, 0 / 0 at a state that is exactly zero, or "
            "padding that holds a NaN and is multiplied by zero. In float32 e^a overflows above a = 88.7, in float16 "
            "above 11."
        ),
        looks=(
            "From the first such timestep on the batch row stays lost, for a NaN in the state never leaves it. A NaN "
            "on one side is a mismatch, however large the allowance."
        ),
        mend="Use torch.tanh, torch.sigmoid and torch.softmax, and mask with torch.where.",
        right_code="h = torch.tanh(a)",
        wrong_code="""\
e = torch.exp(2 * a)
h = (e - 1) / (e + 1)""",
        options="--h0 zeros",
    ),
    Page(
        slug="nondeterministic",
        family=FAMILY,
        cells=EVERY,
        title="the same call gives another result each time",
        right="f(x, h0) = f(x, h0), bit for bit",
        wrong="f(x, h0) ≠ f(x, h0)",
        causes=(
            "Dropout that is not off, random numbers, memory that was never filled (torch.empty), or sums on a GPU "
            "whose order changes from run to run."
        ),
        looks=(
            "The layer is called twice on the same input and differs from itself. If by no more than rounding, the "
            "comparison goes on; if by more, the verdict is inconclusive at best. A layer that seeds a generator of "
            "its own starts over when it is built anew, and looks like state-leaks-between-calls."
        ),
        mend="Switch dropout off, fill memory before it is read, or use torch.use_deterministic_algorithms.",
        right_code="h = torch.zeros(B, H)",
        wrong_code="h = torch.empty(B, H)",
    ),
    Page(
        slug="rounding-only",
        family=FAMILY,
        cells=EVERY,
        title="the same function, with other roundings",
        right="(a + b) + c",
        wrong="a + (b + c), or the same in fewer digits",
        causes=(
            "Sums in another order, fused operations, an activation that is off by some units in the last place, or "
            "partial results that are kept in fewer digits. This is no fault of the model."
        ),
        looks=(
            "The difference goes away with more digits: in float64 it is what rounding in float64 may do. It has no "
            "first wrong step, and lockstep differs by about the same everywhere."
        ),
        mend="Change nothing, unless these digits matter to you; then keep partial results in more of them.",
        right_code="total = (a + b) + c",
        wrong_code="total = a + (b + c)",
        plantable=False,
    ),
)
