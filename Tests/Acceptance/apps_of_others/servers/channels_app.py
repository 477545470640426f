"""Django Channels, as its tutorial begins: a consumer behind Daphne.

    daphne -p PORT channels_app:application
"""

import asyncio
import os

import django
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=(), SECRET_KEY=os.urandom(16).hex())
django.setup()


class Clock(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.accept()
        self.ticking = asyncio.create_task(self.tick())

    async def tick(self):
        number = 0
        while True:
            await self.send_json({"instance": os.environ["INSTANCE"], "number": number})
            number += 1
            await asyncio.sleep(0.1)

    async def disconnect(self, code):
        self.ticking.cancel()


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/clock/", Clock.as_asgi())]),
    }
)
