"""Lingxiu (灵嗅): how a county watches over its restaurants. The map of the house is in docs/decisions/0001-rooms.md."""

__version__ = "0.1.0"
