"""The Model page."""

from __future__ import annotations

import streamlit as st


def model_page() -> None:
    """Draws the page."""
    st.title("Model", anchor=False)
