"""Real PostgreSQL and Valkey servers from Python wheels, for `make run` and `make test`.

The wheels also contain Python launchers, which are not used here, because they

- stop a server from `atexit`, in forked children too;
- leave a server running after a crash;
- share one lock file among all users of a machine;
- start a server in the terminal's process group, where Ctrl-C would stop the database before the
  processes that still use it.

Here each engine is a child process in its own session, and runs as long as a `with` block. If this
process is killed before the block ends, the engine stops too: at once on Linux, elsewhere when the
next start finds it. The caller has locked the
home (`scaletier.home.lock`), so an engine that already runs on its folders is such a leftover.
"""

from scaletier.devserver.embedded.postgresql import postgresql, runtime_url
from scaletier.devserver.embedded.processes import EngineError
from scaletier.devserver.embedded.supervision import Supervision
from scaletier.devserver.embedded.valkey import valkey

__all__ = ["EngineError", "Supervision", "postgresql", "runtime_url", "valkey"]
