"""The command line: one thin Typer command per verb, grouped in the modules of this package."""
