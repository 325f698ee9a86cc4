"""How static files are stored in production: named by their content, and compressed."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Imports between scripts name their hashed files too, as links in style sheets do."""

    support_js_module_import_aggregation = True
