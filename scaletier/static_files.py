"""Chooses which files of the browser libraries are served."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class NeededStaticFiles(StaticFilesConfig):
    """Leaves out the files that no page uses.

    Of Tabler only the core style sheet is served. The others refer to images that no page shows.
    """

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "tabler-*.css*",
        "tabler.css*",
        "*.rtl.*",
        "redoc",
        # Extensions of htmx, and its next version.
        "ext",
        "htmax-*",
        "htmx-4*",
    ]
