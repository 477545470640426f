"""The unified URLs. Nothing serves /ws/journey/<id>/ or /ws/patient-journey/, which old front
ends still ask for."""

from django.urls import re_path

from hospital.consumers import AdminDashboardConsumer, PatientJourneyConsumer, QueueConsumer

websocket_urlpatterns = [
    re_path(r"^ws/queue/?$", QueueConsumer.as_asgi()),
    re_path(r"^ws/queue/(?P<queue_id>[\w-]+)/?$", QueueConsumer.as_asgi()),
    re_path(r"^ws/journey/?$", PatientJourneyConsumer.as_asgi()),
    re_path(r"^ws/admin/?$", AdminDashboardConsumer.as_asgi()),
]
