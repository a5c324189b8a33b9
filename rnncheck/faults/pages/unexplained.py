"""What is said where no fault of the catalogue is found."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "unexplained"

PAGES = (
    Page(
        slug="unexplained",
        family=FAMILY,
        cells=EVERY,
        title="no known fault reproduces the difference",
        right="candidate = reference, to rounding",
        wrong="candidate ≠ reference with any known fault in it",
        causes=(
            "A fault that is not in the catalogue, several at once, or a layer that is meant to be another model. It "
            "is always said with the first divergence and with what was ruled out."
        ),
        looks=(
            "A mismatch like any other. If lockstep fails, its first failure is a step that is wrong by itself. If it "
            "passes, every step is right and what happens between steps is wrong: time, layers, or final states."
        ),
        mend="Compute the first step that differs by hand, from the states before it.",
        right_code="wanted = reference(x[t], h[t - 1])",
        wrong_code="wanted = candidate(x[t], h[t - 1])",
        plantable=False,
    ),
)
