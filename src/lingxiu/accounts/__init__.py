"""Units (a tree without geometry), people, the posts they hold, how they sign in, and who may see how far."""
