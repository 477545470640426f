"""Gradio: a timer, and what it shows."""

import itertools

import gradio
from ticks import INSTANCE, PORT

numbers = itertools.count()

with gradio.Blocks() as demo:
    shown = gradio.Markdown("waiting")
    timer = gradio.Timer(0.25)
    timer.tick(lambda: f"tick {INSTANCE} {next(numbers)}", outputs=shown)

demo.launch(server_name="127.0.0.1", server_port=PORT)
