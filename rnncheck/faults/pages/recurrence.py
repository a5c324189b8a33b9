"""Faults of the recurrence: what a step starts from."""

from rnncheck.faults.pages.page import EVERY, Page
from rnncheck.model.spec import Cell

FAMILY = "recurrence"

PAGES = (
    Page(
        slug="no-recurrence",
        family=FAMILY,
        cells=EVERY,
        title="no step sees the state before it",
        right="h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)",
        wrong="h_t = tanh(W_ih x_t + b_ih + b_hh)",
        causes=(
            "The state is made inside the loop over time, or a layer is called once per timestep and the state it "
            "returns is not handed to the next call. In an LSTM h and c are both lost."
        ),
        looks=(
            "With a zero h0 both sides agree at t = 0 and part at every t from 1 on; with a random one they differ at "
            "t = 0 already. The difference does not build up with time. Lockstep fails at every step whose state "
            "before is not zero. Where every step starts from h0 instead, t = 0 agrees and lockstep passes."
        ),
        mend="Carry the state that a step returns into the next step.",
        right_code="""\
h = x.new_zeros(B, H)
for x_t in x:
    h = cell(x_t, h)""",
        wrong_code="""\
for x_t in x:
    h = x.new_zeros(B, H)
    h = cell(x_t, h)""",
    ),
    Page(
        slug="initial-state-ignored",
        family=FAMILY,
        cells=EVERY,
        title="the given initial state is replaced by zeros",
        right="h_{-1} = h0",
        wrong="h_{-1} = 0",
        causes=(
            "forward takes h0, or (h0, c0), but the loop starts from zeros of its own; tests that pass no initial "
            "state never notice."
        ),
        looks=(
            "Free running, the difference is there at t = 0 and usually fades as the layer forgets where it began; no "
            "gradient reaches h0. Lockstep hands every state in as an initial state, so it fails at every step. With "
            "--h0 zeros the free run agrees, and lockstep alone fails, from t = 1 on."
        ),
        mend="Start the loop from the initial state that is given, and from zeros only where none is.",
        right_code="""\
def forward(self, x, h0=None):
    h = x.new_zeros(B, H) if h0 is None else h0
    for x_t in x:
        h = self.cell(x_t, h)
    return h""",
        wrong_code="""\
def forward(self, x, h0=None):
    h = x.new_zeros(B, H)
    for x_t in x:
        h = self.cell(x_t, h)
    return h""",
    ),
    Page(
        slug="state-leaks-between-calls",
        family=FAMILY,
        cells=EVERY,
        title="a call goes on from where the last one ended",
        right="h_{-1} = h0, at every call",
        wrong="h_{-1} = h_{T-1} of the call before",
        causes=(
            "The state is kept in the module (self.h), for streaming or by habit, and nothing resets it at the start "
            "of forward."
        ),
        looks=(
            "The first call can agree at every t. Run again on the same input and states the layer gives another "
            "result, while a newly built one starts over with the first: that second call is what the report names."
        ),
        mend="Start every call from the state that is given, and keep none in the module.",
        right_code="""\
def forward(self, x, h0):
    h = h0
    for x_t in x:
        h = self.cell(x_t, h)
    return h""",
        wrong_code="""\
def forward(self, x, h0):
    h = h0 if self.h is None else self.h
    for x_t in x:
        h = self.cell(x_t, h)
    self.h = h
    return h""",
    ),
    Page(
        slug="cell-state-not-carried",
        family=FAMILY,
        cells=(Cell.LSTM,),
        title="the cell state does not reach the next step",
        right="c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t",
        wrong="""\
c_t = i_t ⊙ g_t
or  c_t = f_t ⊙ h_{t-1} + i_t ⊙ g_t""",
        causes=(
            "Only h is treated as the state: c is made anew in the loop, or left out of the tuple that one step hands "
            "to the next. Or h is written where the equation has c."
        ),
        looks=(
            "With a zero c0 both sides agree at t = 0 and part from t = 1 on; with a random one they differ at t = 0 "
            "already. In lockstep h and c both fail, wherever the c before is not zero."
        ),
        mend="Carry c from step to step beside h.",
        right_code="""\
for x_t in x:
    h, c = cell(x_t, (h, c))""",
        wrong_code="""\
for x_t in x:
    c = torch.zeros_like(c)
    h, c = cell(x_t, (h, c))""",
    ),
    Page(
        slug="stale-cell-state",
        family=FAMILY,
        cells=(Cell.LSTM,),
        title="h is computed from the old cell state",
        right="""\
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_t)""",
        wrong="""\
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_{t-1})""",
        causes="The new cell state has another name than the old one, and the line that computes h uses the old name.",
        looks=(
            "h differs from t = 0 on; with a zero c0 the first output is exactly 0 in every unit. In lockstep h fails "
            "at every step, while the first layer's c, which one step still gets right, passes."
        ),
        mend="Compute h from the new cell state.",
        right_code="""\
c_new = f * c + i * g
h_new = o * torch.tanh(c_new)""",
        wrong_code="""\
c_new = f * c + i * g
h_new = o * torch.tanh(c)""",
    ),
    Page(
        slug="cell-shares-initial-state",
        family=FAMILY,
        cells=(Cell.LSTM,),
        title="the cell state starts from h0 instead of c0",
        right="""\
h_{-1} = h0
c_{-1} = c0""",
        wrong="""\
h_{-1} = h0
c_{-1} = h0""",
        causes=(
            "h and c are set in one line from one tensor, as zeros allow and other states do not; or the pair (h0, c0) "
            "is unpacked at the wrong index. The other way round it happens too: c0 for both."
        ),
        looks=(
            "Free running, the difference is there at t = 0 and fades as the forget gates let go of the start. "
            "Lockstep hands h and c in at every step, so it fails at every step. With --h0 zeros the free run agrees, "
            "and lockstep alone fails, from t = 1 on."
        ),
        mend="Start the cell state from c0.",
        right_code="h, c = h0, c0",
        wrong_code="h = c = h0",
    ),
    Page(
        slug="initial-state-swapped",
        family=FAMILY,
        cells=(Cell.LSTM,),
        title="h starts from c0 and c from h0",
        right="""\
h_{-1} = h0
c_{-1} = c0""",
        wrong="""\
h_{-1} = c0
c_{-1} = h0""",
        causes=(
            "(h0, c0) is unpacked as (c0, h0), the order that Flax and TensorFlow 1 have: once, or by a cell at every "
            "step."
        ),
        looks=(
            "Free running, the difference is there at t = 0 and usually fades. Lockstep hands h and c in at every "
            "step, so it fails at every step. With --h0 zeros the free run agrees, and lockstep alone fails, from t = "
            "1 on."
        ),
        mend="Unpack the initial state as (h0, c0).",
        right_code="h, c = state",
        wrong_code="c, h = state",
    ),
)
