"""Static files of production: names by content, in scripts that import each other too."""

import re
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from scaletier.static_storage import HashedStaticFiles


def test_scripts_import_one_another_by_their_hashed_names(tmp_path: Path) -> None:
    sources = FileSystemStorage(location=settings.BASE_DIR / "static")
    scripts = [name for name in sources.listdir("")[1] if name.endswith(".js")]
    storage = HashedStaticFiles(location=tmp_path, base_url="/static/")
    for name in scripts:
        storage.save(name, sources.open(name))
    list(storage.post_process({name: (storage, name) for name in scripts}))

    app = (tmp_path / storage.stored_name("app.js")).read_text()
    imports = re.findall(r'import\s?"\./(.+?)"', app)
    assert len(imports) == app.count("import")
    for name in imports:
        assert re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name)
        assert (tmp_path / name).exists()
