"""Real PostgreSQL and Valkey out of wheels, for `make run` and `make test`.

The wheels bring the servers; their Python launchers are not used. Those stop a server from
`atexit` in forked children too, leave it running after a crash, share one lock file among all
users of a machine, and start it in the terminal's process group, where Ctrl-C would end the
database before the processes that still use it. Here each engine is a child in a session of its
own, lives exactly as long as a `with` block, and is swept away at the next start if that block
never got to end. The caller holds the home (`scaletier.home.hold`), so whatever still runs on
its folders is such a leftover.
"""

from scaletier.devserver.embedded.postgresql import postgresql
from scaletier.devserver.embedded.processes import EngineError
from scaletier.devserver.embedded.valkey import valkey

__all__ = ["EngineError", "postgresql", "valkey"]
