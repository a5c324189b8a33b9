"""`python -m rnncheck`."""

from rnncheck.cli import main

main()
