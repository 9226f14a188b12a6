"""Which page is shown."""

from __future__ import annotations

from typing import Final

import streamlit as st

from chessgru.ui.contract import Opener
from chessgru.ui.play import play_page
from chessgru.ui.players import players_page
from chessgru.ui.predicting import open_shipped

_STYLE: Final = """<style>
.stMainBlockContainer { padding: 0.6rem clamp(0.7rem, 2vw, 2rem) 1rem; max-width: 1400px; gap: 0.5rem; }
.stMainBlockContainer > .stVerticalBlock { gap: 0.6rem; }
.stAppHeader { background: none; pointer-events: none; }
.stAppHeader button, .stAppHeader a { pointer-events: auto; }
.st-key-toolbar { padding-right: 2.6rem; }
.st-key-toolbar .stMarkdown p { font-size: 1.25rem; font-weight: 700; white-space: nowrap; }
@media (max-width: 640px) {
  .st-key-toolbar { gap: 0.3rem; padding-right: 1.8rem; }
  .st-key-toolbar .stPopover button { padding: 0.25rem 0.5rem; }
  .st-key-toolbar .stPopover button [data-testid="stMarkdownContainer"] { display: none; }
}
</style>"""


def run(opener: Opener = open_shipped) -> None:
    """Draws the app, with predictions from `opener`."""
    st.html(_STYLE)

    def play() -> None:
        play_page(opener)

    pages = [
        st.Page(play, title="Play", icon=":material/chess:", default=True),
        st.Page(players_page, title="Players", icon=":material/group:", url_path="players"),
    ]
    st.navigation(pages, position="top").run()
