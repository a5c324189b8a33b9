"""Faults of the head: what is made of the states."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "head"

PAGES = (
    Page(
        slug="head-wrong",
        family=FAMILY,
        cells=EVERY,
        title="y is not softmax(W_hy h_t + b_y)",
        right="y_t = softmax(W_hy h_t + b_y), where the numbers of one row at one t add up to 1",
        wrong="softmax over the batch or over time, W_hy h_t + b_y without softmax, or no b_y",
        causes=(
            "softmax is called with dim=0, which is time in (T, B, H) and the batch in (B, H); or the head gives "
            "logits, as the usual loss functions want them."
        ),
        looks=(
            "y alone differs: the output, h_n and lockstep agree. The rows of y do not add up to 1, unless b_y alone "
            "is missing. Over the batch with B = 1, or over time with T = 1, every y is 1."
        ),
        mend="Call softmax with dim=-1 on W_hy h_t + b_y.",
        right_code="y = torch.softmax(h @ W_hy.T + b_y, -1)",
        wrong_code="y = torch.softmax(h @ W_hy.T + b_y, 0)",
        options="--head softmax",
    ),
)
