"""Apps that come with pages of their own, in Chromium, each behind the gateway by its recipe in
`Deploy/recipes.md`: see `harness/others.py`."""

import pytest

from harness.chromium import HOST
from harness.others import FOLDER, Kind, rows
from harness.secrecy import secrecy

SERVERS = FOLDER / "servers"
SCREEN = (FOLDER / "screen.js").read_text()
JUPYTER = (FOLDER / "jupyter.js").read_text()


#: Jupyter's own, which is no token of ours.
JUPYTER_TOKEN = secrecy.remember("a-token-of-jupyters-own")
JUPYTER_SERVER = (
    "--no-browser", "--port", "PORT", "--ip", "127.0.0.1", "--allow-root",
    "--ServerApp.allow_remote_access=True", f"--IdentityProvider.token={JUPYTER_TOKEN}",
)  # fmt: skip


def page(name, *app, path="/", script="", is_reloaded=False, **variables):
    return Kind(
        name, name, app, path, "pages", SCREEN + script, variables, is_reloaded=is_reloaded
    )


KINDS = [
    # The page's app is at hand for scripts only where that is asked for.
    page(
        "JupyterLab", "-m", "jupyterlab", *JUPYTER_SERVER, "--expose-app-in-browser",
        path=f"/lab?token={JUPYTER_TOKEN}", script=JUPYTER,
    ),
    Kind(
        "Jupyter Server, API", "JupyterLab", ("-m", "jupyter_server", *JUPYTER_SERVER),
        "kernels_client.py", "pages", variables={"JUPYTER_TOKEN": JUPYTER_TOKEN},
    ),
    page(
        "Streamlit", "-m", "streamlit", "run", SERVERS / "streamlit_app.py",
        "--server.port", "PORT", "--server.address", "127.0.0.1", "--server.headless", "true",
        "--browser.serverAddress", HOST, "--browser.gatherUsageStats", "false",
    ),
    page("Gradio", SERVERS / "gradio_app.py", "PORT", GRADIO_ANALYTICS_ENABLED="False"),
    Kind(
        "Socket.IO, page", "Socket.IO with the token in auth",
        (SERVERS / "socketio_page_app.py", "PORT"), "/", "pages", SCREEN,
    ),
    page("NiceGUI", SERVERS / "nicegui_app.py", "PORT"),
    page(
        "Panel", "-m", "panel", "serve", SERVERS / "panel_app.py", "--port", "PORT",
        "--address", "127.0.0.1",
        "--allow-websocket-origin", f"{HOST}:HTTPS", "--allow-websocket-origin", f"{HOST}:PORT",
        path="/panel_app",
    ),
    page(
        "marimo", "-m", "marimo", "run", SERVERS / "marimo_app.py", "--headless",
        "--host", "127.0.0.1", "--port", "PORT", is_reloaded=True,
    ),
    Kind(
        "websockify", "websockify", (SERVERS / "websockify_app.py", "PORT"),
        "websockify_client.py", "pages",
    ),
]  # fmt: skip

#: Each keeps a processor busy when it starts.
AT_A_TIME = 2

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize(("kind", "cell"), rows(KINDS))
def test_an_app_with_pages(lives, kind, cell, record_property):
    lives.judge(kind, cell, record_property)
