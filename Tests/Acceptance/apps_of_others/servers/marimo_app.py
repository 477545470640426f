"""marimo: a cell that a timer runs again.

    marimo run marimo_app.py
"""

import marimo

app = marimo.App()


@app.cell
def _():
    import itertools
    import os

    import marimo as mo

    numbers = itertools.count()
    return mo, numbers, os


@app.cell
def _(mo):
    timer = mo.ui.refresh(default_interval="250ms")
    timer
    return (timer,)


@app.cell
def _(mo, numbers, os, timer):
    timer.value
    mo.plain_text(f"tick {os.environ['INSTANCE']} {next(numbers)}")
    return


if __name__ == "__main__":
    app.run()
