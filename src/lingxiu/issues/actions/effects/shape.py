"""What an effect is given and gives back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought

Data = dict[str, object]
Effect = Callable[[Issue, State, User | None, Brought, datetime], Data]
"""What a move does to a claimed issue and its assignments. Returns what the move's row keeps beside its columns."""
