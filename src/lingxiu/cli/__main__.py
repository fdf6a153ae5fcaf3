"""`python -m lingxiu.cli`: how a child process is started, whatever is on the path."""

from __future__ import annotations

from lingxiu.cli import main

main()
