"""NiceGUI: a label that a timer writes."""

from nicegui import ui
from ticks import INSTANCE, PORT


@ui.page("/")
def page():
    label = ui.label("waiting")
    number = 0

    def tick():
        nonlocal number
        label.set_text(f"tick {INSTANCE} {number}")
        number += 1

    ui.timer(0.25, tick)


ui.run(host="127.0.0.1", port=PORT, reload=False, show=False, reconnect_timeout=10)
