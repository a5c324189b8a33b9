"""Every stranger's layer of the corpus and every example through the whole check, as `rnncheck compare` runs it.

Run it as `python benchmarks/candidates.py [--all]`. For each: was it mapped, is the verdict right, is the fault named,
and what did it cost against the same check of our own layer. Without `--all`, only those are listed of which something
is not so, then the rates.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from styles.index import STYLES
from styles.index_examples import EXAMPLES
from styles.outcomes import Outcome, one_thread, options, outcome, scratch_seconds, spec_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="list every one")
    every = parser.parse_args().all
    one_thread()
    outcomes, ours = [], []
    for style in [*STYLES, *EXAMPLES]:
        spec = spec_of(style)
        scratch_seconds(spec)  # what is done once in a process is not counted on either side
        ours.append(scratch_seconds(spec))
        outcomes.append(outcome(style))
        print(f"\r\x1b[2K{len(outcomes)} checked", end="", file=sys.stderr, flush=True)
    print("\r\x1b[2K", end="", file=sys.stderr)
    listed = [row for row in zip(outcomes, ours, strict=True) if every or not fine(row[0])]
    if listed:
        print("| candidate | cell | mapped | verdict | fault | findings | seconds | more than ours |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for each, own in listed:
        print(row_of(each, own))
    rates(outcomes, [each.seconds - own for each, own in zip(outcomes, ours, strict=True)])


def fine(each: Outcome) -> bool:
    return each.right and (each.named or each.style.slug is None) and not options(each.style)


def row_of(each: Outcome, own: float) -> str:
    style = each.style
    said = ", ".join(f"{name} {value}" for name, value in options(style).items())
    mapped = "no" if each.report is None else f"with {said}" if said else "yes"
    verdict = "none" if each.report is None else f"{each.report.verdict}{'' if each.right else ', wrong'}"
    fault = "" if style.slug is None else style.slug if each.named else f"{style.slug}, not named"
    return (
        f"| {style.file}:{style.name} | {style.cell} | {mapped} | {verdict} | {fault} | {', '.join(each.slugs)} | "
        f"{each.seconds:.2f} | {each.seconds - own:+.2f} |"
    )


def rates(outcomes: Sequence[Outcome], more: Sequence[float]) -> None:
    count = len(outcomes)
    mapped = [each for each in outcomes if each.report is not None]
    alone = [each for each in mapped if not options(each.style)]
    right = [each for each in outcomes if each.right]
    wrong = [each for each in outcomes if each.style.slug is not None]
    named = [each for each in wrong if each.named]
    costs = [(cost, each) for each, cost in zip(outcomes, more, strict=True) if each.report is not None]
    every, equal = sorted(cost for cost, _ in costs), sorted(cost for cost, each in costs if each.style.right)
    print()
    print(f"mapped                     {of(len(mapped), count)}")
    print(f"mapped without any option  {of(len(alone), count)}")
    print(f"verdict right              {of(len(right), count)}")
    print(f"fault named                {of(len(named), len(wrong))}")
    print(f"processor seconds more than ours: median {every[len(every) // 2]:.2f}, most {every[-1]:.2f}")
    print(f"of the right ones: median {equal[len(equal) // 2]:.2f}, most {equal[-1]:.2f}")


def of(part: int, whole: int) -> str:
    return f"{part:3} of {whole:3}  {part / whole:6.1%}"


if __name__ == "__main__":
    main()
