"""One small app on several frameworks, each with the framework's own way of reading paths. It says
at which of its routes a request arrived, and the target and headers that it was sent:

    python -m readers starlette|aiohttp|werkzeug|node PORT

Its routes are `/admin` and all below, `/files/…`, `/item/{id}` and everything else.
"""
