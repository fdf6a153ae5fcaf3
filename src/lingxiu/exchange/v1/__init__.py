"""The open API, version 1: `/api/v1/…`. Thin: parse, authorise, call the rooms below, answer."""
