"""The entry of the app: `chessgru app`, or `streamlit run app.py` in a checkout. Only routes."""

from __future__ import annotations

import streamlit as st

from chessgru.ui import router

st.set_page_config(page_title="chessgru", page_icon="♞", layout="wide", initial_sidebar_state="collapsed")
router.run()
