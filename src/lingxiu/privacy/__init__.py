"""Personal data: encrypted columns with a key id, blind indexes to search them by, masks to show them with.

Never holds personal data itself and never decides who may see it.
"""
