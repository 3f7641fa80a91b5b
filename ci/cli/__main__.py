"""`python -m ci.cli` is `roster`."""

from ci.cli import main

main()
