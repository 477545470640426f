"""Panel: a pane that a periodic callback writes.

    panel serve panel_app.py
"""

import itertools
import os

import panel

panel.extension(reconnect=True)
numbers = itertools.count()
shown = panel.pane.Str("waiting")


def tick():
    shown.object = f"tick {os.environ['INSTANCE']} {next(numbers)}"


panel.state.add_periodic_callback(tick, period=250)
shown.servable()
