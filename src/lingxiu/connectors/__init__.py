"""Clients of other systems: messages, to-dos, who somebody is there. No models, and nothing about what is said or why."""
