"""Photos and documents: stored once by sha256, photos re-encoded and stripped, shown only to those their owner room allows."""
