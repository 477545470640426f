"""The three consumers and what they share: dispatch by message type, and errors the client sees."""

import asyncio
import collections
import json

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

#: Open sockets by group, for tests that ask whether a refused client ever got this far.
open_sockets = collections.Counter()


class HospitalConsumer(AsyncJsonWebsocketConsumer):
    """Joins one group, answers requests by type, passes the group's broadcasts on."""

    #: Spoken if the client offers it; a browser that offered others gets none back.
    known_subprotocol = "hospital.v1"

    def group(self):
        raise NotImplementedError

    async def connect(self):
        self.room_group_name = self.group()
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        offered = self.scope["subprotocols"]
        chosen = self.known_subprotocol if self.known_subprotocol in offered else None
        await self.accept(subprotocol=chosen)
        open_sockets[self.room_group_name] += 1

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)
        open_sockets[self.room_group_name] -= 1

    async def receive(self, text_data=None, bytes_data=None):
        if bytes_data is not None:
            await self.send(bytes_data=bytes_data)
            return
        try:
            content = json.loads(text_data)
        except ValueError as error:
            await self.send_error("Validation error", details=str(error))
            return
        await self.receive_json(content)

    async def receive_json(self, content):
        try:
            message_type = content.get("type")
            if not message_type:
                await self.send_error("Missing message type")
                return
            handler = getattr(self, f"handle_{message_type}", None)
            if handler:
                await handler(content)
            else:
                await self.send_error(f"Unknown message type: {message_type}")
        except ValidationError as error:
            await self.send_error("Validation error", details=str(error))
        except PermissionDenied:
            await self.send_error("Permission denied", code=4003)
        except Exception:
            await self.send_error("Internal server error", code=5000)

    async def send_error(self, message, code=4000, details=None):
        await self.send_json(
            {
                "type": "error",
                "error": {
                    "message": message,
                    "code": code,
                    "details": details,
                    "timestamp": timezone.now().isoformat(),
                },
            }
        )

    async def handle_ping(self, content):
        await self.send_json({"type": "pong"})

    async def handle_echo(self, content):
        await self.send_json(content)

    async def handle_repeat(self, content):
        """One long message for a short request."""
        await self.send_json({"type": "repeated", "text": content["text"] * content["times"]})

    async def handle_close(self, content):
        await self.close(code=content["code"], reason=content.get("reason"))

    async def handle_whoami(self, content):
        """What the handshake looked like from here."""
        await self.send_json(
            {
                "type": "whoami",
                "path": self.scope["path"],
                "query": self.scope["query_string"].decode("latin-1"),
                "subprotocols": self.scope["subprotocols"],
                "headers": [
                    [name.decode("latin-1"), value.decode("latin-1")]
                    for name, value in self.scope["headers"]
                ],
            }
        )

    async def broadcast(self, event):
        await self.send_json(event["message"])


class QueueConsumer(HospitalConsumer):
    def group(self):
        self.queue_id = self.scope["url_route"]["kwargs"].get("queue_id")
        return f"queue_{self.queue_id}" if self.queue_id else "queue"

    async def handle_queue_status_request(self, content):
        await self.send_json(
            {"type": "queue_status", "queue_id": self.queue_id, "waiting": 3, "called": 41}
        )


class PatientJourneyConsumer(HospitalConsumer):
    def group(self):
        return "journey"

    async def handle_journey_status_request(self, content):
        await self.send_json({"type": "journey_status", "step": "reception"})


class AdminDashboardConsumer(HospitalConsumer):
    period_seconds = 30

    def group(self):
        return "admin"

    async def connect(self):
        await super().connect()
        self.update_task = asyncio.create_task(self.periodic_update())

    async def disconnect(self, code):
        self.update_task.cancel()
        await super().disconnect(code)

    async def periodic_update(self):
        while True:
            await asyncio.sleep(self.period_seconds)
            await self.send_dashboard_data()

    async def handle_dashboard_request(self, content):
        await self.send_dashboard_data()

    async def send_dashboard_data(self):
        await self.send_json({"type": "dashboard", "patients_today": 128, "waiting": 7})
