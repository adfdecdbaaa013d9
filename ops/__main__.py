"""`python -m ops`: the command line."""

from ops.cli import main

main()
