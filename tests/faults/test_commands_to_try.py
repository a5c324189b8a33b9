"""The command that a page gives to try is right, and its options are all that the fault needs to show."""

import shlex
from dataclasses import fields

import pytest
import torch

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.cli.app import command
from rnncheck.cli.options import CompareOptions
from rnncheck.cli.plans import lengths_of, paths_of, random_data, spec_of
from rnncheck.data.random import initial_state
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.pages import pages
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.weights import draw
from rnncheck.report import Verdict

TO_TRY = [(told.slug, cell) for told in pages().values() if told.plantable for cell in told.cells]


COMPARE = command().commands["compare"]


def options_of(arguments: list[str]) -> CompareOptions:
    """As the command line reads them."""
    parsed = COMPARE.make_context("compare", arguments).params
    enums = {"cell": Cell(parsed["cell"] or "rnn"), "dtype": Dtype(parsed["dtype"])}
    return CompareOptions(**{each.name: (parsed | enums)[each.name] for each in fields(CompareOptions)})


def scene_of(options: CompareOptions) -> Scene:
    """What `rnncheck compare` draws for these options."""
    spec, lengths = spec_of(options, options.input_size), lengths_of(options)
    data = random_data(options, lengths)
    (x,) = data.chunks(1000)
    state = initial_state(spec, data.batch_size, seed=options.seed, kind=options.h0)
    return Scene(spec, draw(spec, options.seed).values, torch.from_numpy(x), state, lengths)


@pytest.mark.sample(50)
@pytest.mark.parametrize(("slug", "cell"), TO_TRY)
def test_the_command_of_each_page_plants_its_fault_where_it_shows(slug: str, cell: Cell) -> None:
    program, compare, candidate, *arguments = shlex.split(pages()[slug].try_it(cell) or "")
    assert (program, compare) == ("rnncheck", "compare")
    scene = scene_of(options_of(arguments))
    assert scene.spec.cell is cell
    fault = by_name(candidate.removeprefix("fault:"), scene.spec, scene.lengths is not None)
    assert fault.slug == slug
    assert fault.visible_in(scene) is None


@pytest.mark.explained
@pytest.mark.paths
@pytest.mark.sample(6)
@pytest.mark.parametrize(("slug", "cell"), {slug: (slug, cell) for slug, cell in reversed(TO_TRY)}.values())
def test_the_command_of_each_page_finds_its_fault(slug: str, cell: Cell) -> None:
    _, _, candidate, *arguments = shlex.split(pages()[slug].try_it(cell) or "")
    options = options_of(arguments)
    plan = Plan(
        spec_of(options, options.input_size),
        random_data(options, lengths_of(options)),
        candidate,
        seed=options.seed,
        h0=options.h0,
        paths=paths_of(options),
        witness=False,
    )
    report = check(plan)
    assert report.verdict is not Verdict.EQUIVALENT
    assert any(finding.slug == slug or slug in finding.message for finding in report.findings), report.findings


def test_without_its_options_a_fault_may_not_show() -> None:
    scene = scene_of(options_of([]))
    hidden = by_name("bias-along-batch", scene.spec).visible_in(scene)
    assert hidden == "B is 3 and H is 4: a bias fits along the batch only if B is H"
