"""The command line: options become a plan, a plan a report, a report a screen or a file and an exit code."""

from rnncheck.cli.outcome import main

__all__ = ["main"]
