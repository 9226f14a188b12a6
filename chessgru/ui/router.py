"""Which page is shown, and the row of links to them."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from chessgru.ui.contract import Opener
from chessgru.ui.heading import heading
from chessgru.ui.model_page import model_page
from chessgru.ui.play import play_page
from chessgru.ui.players import players_page
from chessgru.ui.predicting import open_shipped
from chessgru.ui.review import review_page

_STYLE: Final = """<style>
.stMainBlockContainer { padding: 0.6rem clamp(0.7rem, 2vw, 2rem) 1rem; max-width: 1400px; gap: 0.5rem; }
.stMainBlockContainer > .stVerticalBlock { gap: 0.6rem; position: relative; }
.stAppHeader { background: none; pointer-events: none; }
.stAppHeader button, .stAppHeader a { pointer-events: auto; }
.page-name { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.stElementContainer:has(> .stHtml > .page-name) { position: absolute; }
.stMain h2, .stMain h3 { font-size: 1.2rem; padding: 0.4rem 0 0; }
.stHeading, .stHeading [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.stApp [data-testid="stCaptionContainer"] { opacity: 0.78; }
body { color-scheme: light dark; }
body button[kind^="primary"]:enabled, body button[kind^="primary"]:enabled p {
  color: light-dark(#fff, #191714);
}
body .stMarkdown pre, body .stMarkdown pre code, body .stCode pre, body .stCode code {
  white-space: pre-wrap !important; overflow-wrap: anywhere;
}
.st-key-nav { min-height: 2.5rem; width: fit-content; gap: 0.2rem; z-index: 1; }
.st-key-nav .stMarkdown { width: fit-content; margin-right: 0.8rem; }
.st-key-nav .stMarkdown p { font-size: 1.25rem; font-weight: 700; white-space: nowrap; }
.st-key-nav a { padding: 0.25rem 0.7rem; }
.st-key-toolbar { padding-right: 2.6rem; }
@media (min-width: 641px) {
  .st-key-toolbar.st-key-toolbar { margin: -3.1rem 0 0 auto; width: fit-content; }
}
@media (max-width: 640px) {
  .st-key-nav { gap: 0; }
  .st-key-nav .stMarkdown { margin-right: 0.2rem; }
  .st-key-nav .stMarkdown p { font-size: 0; }
  .st-key-nav .stMarkdown p::first-letter { font-size: 1.25rem; }
  .st-key-nav a { padding: 0.25rem 0.5rem; }
  .st-key-nav a > span:has([data-testid="stIconMaterial"]) { display: none; }
  .st-key-toolbar { gap: 0.3rem; padding-right: 1.8rem; }
  .st-key-toolbar .stPopover button { padding: 0.25rem 0.5rem; }
  .st-key-toolbar .stPopover button [data-testid="stMarkdownContainer"] {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
}
</style>"""


def _links(pages: list[StreamlitPage]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="nav"):
        st.markdown("♞ chessgru", width="content")
        for page in pages:
            st.page_link(page, width="content")


def run(opener: Opener = open_shipped) -> None:
    """Draws the app, with predictions from `opener`."""
    st.html(_STYLE)

    def play() -> None:
        play_page(opener)

    def review() -> None:
        review_page(opener)

    pages = [
        st.Page(play, title="Play", icon=":material/chess:", default=True),
        st.Page(review, title="Review", icon=":material/query_stats:", url_path="review"),
        st.Page(players_page, title="Players", icon=":material/group:", url_path="players"),
        st.Page(model_page, title="Model", icon=":material/neurology:", url_path="model"),
    ]
    page = st.navigation(pages, position="hidden")
    _links(pages)
    heading(page.title)
    page.run()
