"""`python -m chessgru` is `chessgru`."""

from chessgru.cli import main

main()
