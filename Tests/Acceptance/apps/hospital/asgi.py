"""The hospital's back end: plain HTTP views and WebSocket consumers, unaware of the gateway."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hospital.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from hospital.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": django_application, "websocket": URLRouter(websocket_urlpatterns)}
)
