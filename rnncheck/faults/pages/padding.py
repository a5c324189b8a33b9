"""Faults of padding: what happens to a row of the batch after its own end."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "padding"
LENGTHS = "--lengths 7,5,2"

PAGES = (
    Page(
        slug="padding-advances-state",
        family=FAMILY,
        cells=EVERY,
        title="the state goes on changing after a row's end",
        right="h_t = h_{t-1} where t ≥ length",
        wrong="h_t = cell(x_t, h_{t-1}) at every t",
        causes=(
            "The loop runs over all T timesteps of the padded batch. Padding with zeros does not stop a state: biases "
            "and the state itself move it."
        ),
        looks=(
            "h_n, and c_n of an LSTM, differ in the rows that end early. Forward outputs agree up to each row's end; a "
            "backward direction reads the padding first, and is off at every t of those rows."
        ),
        mend="Keep the state of a row that has ended, with torch.where, or pack the sequences.",
        right_code="""\
for t, x_t in enumerate(x):
    going = (t < lengths)[:, None]
    h = torch.where(going, cell(x_t, h), h)""",
        wrong_code="""\
for t, x_t in enumerate(x):
    h = cell(x_t, h)""",
        options=LENGTHS,
    ),
    Page(
        slug="padding-not-zeroed",
        family=FAMILY,
        cells=EVERY,
        title="the output after a row's end is not zero",
        right="output_t = 0 where t ≥ length",
        wrong="output_t = h_t at every t",
        causes=(
            "torch.nn's packed sequences come out padded with zeros; a loop that masks the state alone goes on writing "
            "the last one."
        ),
        looks="The output differs only at timesteps after a row's end, where the reference has zeros. h_n agrees.",
        mend="Set the outputs after a row's end to zero.",
        right_code="""\
going = (t < lengths)[:, None]
output[t] = torch.where(going, h, 0.0)""",
        wrong_code="output[t] = h",
        options=LENGTHS,
    ),
    Page(
        slug="final-state-at-padding",
        family=FAMILY,
        cells=EVERY,
        title="h_n is read at the batch's end, not the row's",
        right="h_n of row b is h at t = length_b − 1",
        wrong="h_n of row b is what stands at t = T − 1",
        causes="output[-1] is taken for the last state, which it is for the longest rows alone.",
        looks=(
            "The output agrees at every t. h_n differs in the rows that end early, where it is zero or a state "
            "computed from padding. Where all rows have the same length nothing shows."
        ),
        mend="Take each row's final state at its own last timestep.",
        right_code="h_n = output[lengths - 1, torch.arange(B)]",
        wrong_code="h_n = output[-1]",
        options=LENGTHS,
    ),
    Page(
        slug="order-not-restored",
        family=FAMILY,
        cells=EVERY,
        title="rows sorted by length are not put back in order",
        right="row b of the output belongs to row b of x",
        wrong="row b of the output belongs to the b-th longest row of x",
        causes=(
            "The rows are sorted because packing wants the longest first, and what comes out is used as it is, or only "
            "output is put back and h_n is not."
        ),
        looks=(
            "The rows of the output, or of h_n alone, are the reference's in another order. Lengths that are already "
            "in falling order hide it."
        ),
        mend="Put output and final states back in order with the inverse permutation, order.argsort().",
        right_code="""\
output = run(x[:, order], lengths[order])
output = output[:, order.argsort()]""",
        wrong_code="output = run(x[:, order], lengths[order])",
        options="--lengths 5,2,7",
    ),
)
