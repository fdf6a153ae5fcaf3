"""The demo county: everything in it that is made up, made deterministically from a seed, and marked synthetic."""
