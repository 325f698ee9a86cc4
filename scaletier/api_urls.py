"""All routes under `/api/v1/`, from all apps."""

from csp.decorators import csp_update
from django.urls import include, path, re_path
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from common.api.schema import SchemaMadeOnce
from common.api.views import UnknownPath

READ = ["get", "head"]  # drf-spectacular's views cannot answer OPTIONS.

schema = SpectacularAPIView.as_view(
    authentication_classes=[],
    generator_class=SchemaMadeOnce,
    http_method_names=READ,
    renderer_classes=[OpenApiJsonRenderer2, OpenApiYamlRenderer2],
)
docs = SpectacularSwaggerSplitView.as_view(
    authentication_classes=[], http_method_names=READ, url_name="api_schema"
)

urlpatterns = [
    path("", include("accounts.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("capacity.api.urls")),
    path("", include("capacity.usage.api.urls")),
    path("", include("capacity.gateway.api.urls")),
    path("schema", schema, name="api_schema"),
    # Swagger UI sets inline styles; no other page of the site may do that.
    path("docs", csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(docs), name="api_docs"),
    re_path("", UnknownPath.as_view()),
]
