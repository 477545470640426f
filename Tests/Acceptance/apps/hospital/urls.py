"""Plain HTTP: what came in, said back; and the way in for other parts of the hospital that
announce something to a group."""

import hashlib
import json

from channels.layers import get_channel_layer
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from hospital.consumers import open_sockets


def healthz(request):
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
def echo(request):
    return JsonResponse(
        {
            "method": request.method,
            "path": request.scope["path"],
            "query": request.scope["query_string"].decode("latin-1"),
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in request.scope["headers"]
            ],
            "size": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
        }
    )


@csrf_exempt
async def broadcast(request, group):
    message = json.loads(request.body)
    await get_channel_layer().group_send(group, {"type": "broadcast", "message": message})
    return JsonResponse({"group": group})


def sockets(request, group):
    return JsonResponse({"open": open_sockets[group]})


urlpatterns = [
    path("healthz", healthz),
    path("echo", echo),
    path("open/echo", echo),
    path("broadcast/<str:group>", broadcast),
    path("sockets/<str:group>", sockets),
]
