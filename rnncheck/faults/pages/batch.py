"""Faults of the batch: rows that should know nothing of each other."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "batch"

PAGES = (
    Page(
        slug="batch-time-swapped",
        family=FAMILY,
        cells=EVERY,
        title="batch and time change places",
        right="row b at t goes on from row b at t − 1",
        wrong="row b at t goes on from row b − 1 at t",
        causes=(
            "torch.nn reads (T, B, I) unless batch_first=True; Keras and many data loaders have (B, T, I). A layer "
            "that takes the one for the other runs along the batch."
        ),
        looks=(
            "The output differs at every t: a batch row depends on the rows before it and not on its own past. h_n has "
            "T rows where B are wanted, unless T = B. A given h0 does not fit either, which is an error unless the "
            "layer makes its own. Where x alone is reshaped, lockstep passes."
        ),
        mend="Read x as (T, B, I), or as (B, T, I) on both sides with --batch-first.",
        right_code="for x_t in x.unbind(0):  # x is (T, B, I)\n    h = cell(x_t, h)",
        wrong_code="for x_t in x.unbind(1):  # x is (T, B, I)\n    h = cell(x_t, h)",
    ),
    Page(
        slug="batch-mixed",
        family=FAMILY,
        cells=EVERY,
        title="a batch row reads from other rows",
        right="h_{t,b} = cell(x_{t,b}, h_{t-1,b})",
        wrong="h_{t,b} = cell(x_{t,b}, h_{t-1,b'}), with b' ≠ b",
        causes=(
            "reshape or view where transpose was meant: the shape is right and the numbers are in other rows. Or one "
            "state, or a mean over the batch, serves all rows."
        ),
        looks=(
            "Changing one row of the data changes others. With a zero h0 both sides agree at t = 0. With B = 1, or the "
            "same data and states in every row, nothing shows: batches of one hide it."
        ),
        mend="Move axes with transpose or permute, and keep a state of its own for each row.",
        right_code="x = x.transpose(0, 1)  # (B, T, I)",
        wrong_code="x = x.reshape(B, T, I)",
    ),
)
