"""What other systems say to us and read from us: the open API, Open311, keys. Never decides what may be done."""
