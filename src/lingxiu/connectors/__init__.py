"""Clients of other systems: how a text message leaves the house. No models, and nothing about what is said or why."""
