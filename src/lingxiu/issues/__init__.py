"""一清单: one list, one lifecycle. Reports come in, issues are routed, handled, answered and closed, each move a row."""
