"""Which of the published files of browser libraries are served."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class NeededStaticFiles(StaticFilesConfig):
    """Of Tabler only its core: its other sheets refer to pictures that no page here shows."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "tabler-*.css*",
        "tabler.css*",
        "*.rtl.*",
        "redoc",
    ]
