"""Routes of usage under `/api/v1/`."""

from django.urls import path

from capacity.usage.api.usage import Recommendations, UsageEvents, UsageOf

urlpatterns = [
    path("recommendations", Recommendations.as_view()),
    path("usage", UsageOf.as_view()),
    path("usage/events", UsageEvents.as_view()),
]
