"""Which page is shown."""

from __future__ import annotations

import streamlit as st

from chessgru.ui.contract import Opener
from chessgru.ui.play import play_page
from chessgru.ui.predicting import open_shipped

_STYLE = """<style>
.stMainBlockContainer { padding: 2.6rem clamp(0.6rem, 2vw, 2rem) 1rem; max-width: 1360px; }
</style>"""


def run(opener: Opener = open_shipped) -> None:
    """Draws the app, with predictions from `opener`."""
    st.html(_STYLE)

    def play() -> None:
        play_page(opener)

    st.navigation(
        [st.Page(play, title="Play", icon=":material/chess:", default=True)], position="top"
    ).run()
