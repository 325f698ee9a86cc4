"""Chooses which files of the browser libraries are served."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class NeededStaticFiles(StaticFilesConfig):
    """Leaves out the files that no page uses.

    Of Tabler only the core style sheet is served. The others refer to images that no page shows. Of
    Inter only the upright Latin letters with a variable weight; text in others has the system's.
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
        "inter-[!l]*.woff2",
        "inter-*-italic.woff2",
        "inter-*-opsz-*.woff2",
        "inter-*-standard-*.woff2",
    ]
