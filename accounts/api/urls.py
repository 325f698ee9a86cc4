"""Routes of accounts under `/api/v1/`."""

from django.urls import path

from accounts.api.people import Audit, Clock, Key, Keys, Projects, Purchaser, Purchasers

urlpatterns = [
    path("audit", Audit.as_view()),
    path("clock", Clock.as_view()),
    path("keys", Keys.as_view()),
    path("keys/<slug:key_id>", Key.as_view()),
    path("projects", Projects.as_view()),
    path("purchasers", Purchasers.as_view()),
    path("purchasers/<slug:user_id>", Purchaser.as_view()),
]
