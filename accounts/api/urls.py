"""Routes of accounts under `/api/v1/`."""

from django.urls import path

from accounts.api import schema  # noqa: F401 - it registers the authentication schemes
from accounts.api.api_keys import Key, Keys
from accounts.api.audit import Audit
from accounts.api.clock import Clock
from accounts.api.members import Members
from accounts.api.projects import Projects, ProjectView
from accounts.api.sign_in_requirements import SignInRequirements

urlpatterns = [
    path("audit", Audit.as_view()),
    path("clock", Clock.as_view()),
    path("keys", Keys.as_view()),
    path("keys/<slug:key_id>", Key.as_view()),
    path("members", Members.as_view()),
    path("projects", Projects.as_view()),
    path("projects/<slug:project_id>", ProjectView.as_view()),
    path("sign-in-requirements", SignInRequirements.as_view()),
]
