"""Streamlit: a fragment that runs again by itself.

    streamlit run streamlit_app.py
"""

import os

import streamlit


@streamlit.fragment(run_every=0.25)
def tick():
    number = streamlit.session_state.get("number", 0)
    streamlit.session_state["number"] = number + 1
    streamlit.text(f"tick {os.environ['INSTANCE']} {number}")


tick()
