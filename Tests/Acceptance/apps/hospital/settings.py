"""The hospital's Django settings: only what a Channels app without a database needs."""

SECRET_KEY = "the hospital app signs nothing"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["channels"]
MIDDLEWARE = []
ROOT_URLCONF = "hospital.urls"
ASGI_APPLICATION = "hospital.asgi.application"
USE_TZ = True
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = None

# The layer drops messages of a consumer whose queue is full; no test may depend on that.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 1_000_000},
    }
}
