"""Faults of calling: what a layer does with what it is given."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "calling"

PAGES = (
    Page(
        slug="option-ignored",
        family=FAMILY,
        cells=EVERY,
        title="an option is accepted and has no effect",
        right="a layer made with nonlinearity = relu: h_t = relu(a_t)",
        wrong="a layer made with nonlinearity = relu: h_t = tanh(a_t)",
        causes=(
            "The constructor takes torch.nn's keywords, or **kwargs, and the code behind does not read all of them: "
            "often bias, nonlinearity, batch_first, num_layers or bidirectional; or forward takes lengths and runs "
            "every row to the end."
        ),
        looks=(
            "The layer agrees at the defaults and differs, or has other shapes, as soon as the option is given. The "
            "finding names the option."
        ),
        mend="Do what the option says, or raise an error that says it is not supported.",
        right_code="""\
def __init__(self, nonlinearity="tanh"):
    self.f = getattr(torch, nonlinearity)""",
        wrong_code="""\
def __init__(self, nonlinearity="tanh"):
    self.f = torch.tanh""",
        options="--lengths 7,5,2",
    ),
    Page(
        slug="initial-state-crashes",
        family=FAMILY,
        cells=EVERY,
        title="a call that is given an initial state raises",
        right="h_{-1} = h0 if one is given, else 0",
        wrong="no h0 can be given",
        causes=(
            'The default is asked for by its truth, as in "if not hidden", which a tensor of more than one number '
            "refuses to have; or the branch that takes the state was never run. Without a state nothing raises, and "
            "with one unit and one row neither does the question."
        ),
        looks=(
            "The finding gives the file, the line and what was raised there, in the same words for a state of any "
            "axes. All else is compared from zeros; the verdict is a mismatch even if that agrees, since the "
            "reference takes a state."
        ),
        mend='Ask "if hidden is None", and call the layer once with a state.',
        right_code="""\
if hidden is None:
    hidden = torch.zeros(B, H)""",
        wrong_code="""\
if not hidden:
    hidden = torch.zeros(B, H)""",
        plantable=False,
    ),
    Page(
        slug="input-mutated",
        family=FAMILY,
        cells=EVERY,
        title="a call writes into what it is given",
        right="x, h0 and c0 are after the call what they were before",
        wrong="h0 holds the last state after the call",
        causes=(
            "An operation in place (+=, mul_, copy_, an assignment to a slice) on the state, which at the first step "
            "is the caller's own h0; or a normalisation of x in place."
        ),
        looks=(
            "The first call can agree at every t. The report names what was changed, and the verdict is inconclusive "
            "at best: what the caller holds is not what was compared. Gradients go wrong with it, for autograd reads x "
            "and h0 again on the way back."
        ),
        mend="Compute new states instead of writing into the old ones, or clone h0 first.",
        right_code="""\
h = h0
for x_t in x:
    h = z * h + cell(x_t)""",
        wrong_code="""\
h = h0
for x_t in x:
    h *= z
    h += cell(x_t)""",
    ),
)
