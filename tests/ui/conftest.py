"""These tests open pages."""

from tests.pages import plain_static

__all__ = ["plain_static"]
