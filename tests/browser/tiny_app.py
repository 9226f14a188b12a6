"""The app with the tiny predictor of the tests: `streamlit run tests/browser/tiny_app.py`."""

import sys
from pathlib import Path

import streamlit as st

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    from tiny import open_tiny

    from chessgru.ui import router

    st.set_page_config(
        page_title="chessgru", page_icon="♞", layout="wide", initial_sidebar_state="collapsed"
    )
    router.run(open_tiny)
