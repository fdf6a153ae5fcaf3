"""What catalogues are refused for: ids given twice, names nothing has."""

from __future__ import annotations


def refuse_doubles(ids: list[str]) -> None:
    doubles = sorted({one for one in ids if ids.count(one) > 1})
    if doubles:
        raise ValueError(f"ids given twice: {', '.join(doubles)}; give each rule its own")


def refuse_unknown(where: str, named: tuple[str, ...] | list[str], known: set[str]) -> None:
    unknown = sorted(set(named) - known)
    if unknown:
        raise ValueError(
            f"{where} names {', '.join(unknown)}, which no catalogue has; known: {', '.join(sorted(known))}"
        )
