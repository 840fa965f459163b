"""`python -m memr_cli` is `memr`."""

from memr_cli.app import main

main()
