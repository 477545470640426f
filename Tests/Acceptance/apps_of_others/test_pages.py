"""Apps that come with pages of their own, in Chromium, each behind the gateway by its recipe in
`Deploy/recipes.md`: see `harness/others.py`."""

import pytest

from harness.others import FOLDER, Kind, rows
from harness.chromium import HOST

SERVERS = FOLDER / "servers"
SCREEN = (FOLDER / "screen.js").read_text()
JUPYTER = (FOLDER / "jupyter.js").read_text()


def page(name, *app, path="/", script="", **variables):
    return Kind(name, name, app, path, "pages", script=SCREEN + script, variables=variables)


KINDS = [
    page(
        "JupyterLab", "-m", "jupyterlab", "--no-browser", "--port", "PORT", "--ip", "127.0.0.1",
        # Who is root in a container says so, and who runs scripts in the page.
        "--allow-root", "--expose-app-in-browser",
        "--ServerApp.allow_remote_access=True", "--IdentityProvider.token=a-token-of-jupyter-s-own",
        path="/lab?token=a-token-of-jupyter-s-own", script=JUPYTER,
    ),
    page(
        "Streamlit", "-m", "streamlit", "run", SERVERS / "streamlit_app.py",
        "--server.port", "PORT", "--server.address", "127.0.0.1", "--server.headless", "true",
        "--browser.serverAddress", HOST, "--browser.gatherUsageStats", "false",
    ),
    page("Gradio", SERVERS / "gradio_app.py", "PORT", GRADIO_ANALYTICS_ENABLED="False"),
    page("NiceGUI", SERVERS / "nicegui_app.py", "PORT"),
    page(
        "Panel", "-m", "panel", "serve", SERVERS / "panel_app.py", "--port", "PORT",
        "--address", "127.0.0.1",
        "--allow-websocket-origin", f"{HOST}:HTTPS", "--allow-websocket-origin", f"{HOST}:PORT",
        path="/panel_app",
    ),
    page(
        "marimo", "-m", "marimo", "run", SERVERS / "marimo_app.py", "--headless",
        "--host", "127.0.0.1", "--port", "PORT",
    ),
    Kind(
        "websockify", "websockify", (SERVERS / "websockify_app.py", "PORT"),
        "websockify_client.py", "pages",
    ),
]  # fmt: skip

#: Each keeps a processor busy when it starts.
AT_A_TIME = 2

#: What is known to fail, and for what reason.
KNOWN = {}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize(("kind", "cell"), rows(KINDS, KNOWN))
def test_an_app_with_pages(lives, kind, cell, record_property):
    lives.judge(kind, cell, record_property)
