"""WSGI: `PATH_INFO` is decoded, `%2F` included."""

import json

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

RULES = Map(
    [
        Rule("/admin", endpoint="admin"),
        Rule("/admin/<path:rest>", endpoint="admin"),
        Rule("/files/<path:path>", endpoint="files"),
        Rule("/item/<id>", endpoint="item"),
        Rule("/", endpoint="other"),
        Rule("/<path:rest>", endpoint="other"),
    ],
    strict_slashes=False,
)


@Request.application
def app(request):
    try:
        endpoint, captures = RULES.bind_to_environ(request.environ).match()
    except HTTPException as error:
        return error
    said = {
        "endpoint": endpoint,
        "target": request.environ["REQUEST_URI"].partition("?")[0],
        "captures": captures,
        "headers": {key.lower(): value for key, value in request.headers.items()},
    }
    return Response(json.dumps(said), content_type="application/json")
