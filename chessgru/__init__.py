"""chessgru: what two people who know each other are likely to play next."""

__version__ = "0.1.0"
