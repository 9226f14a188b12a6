"""The page's name for screen readers; the row of links shows it to everybody else."""

from __future__ import annotations

from html import escape

import streamlit as st


def heading(title: str) -> None:
    """Names the page, without taking room."""
    st.html(f'<h1 class="page-name">{escape(title)}</h1>')
