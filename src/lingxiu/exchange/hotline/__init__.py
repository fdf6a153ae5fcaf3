"""Lists of the 12345 centre, in and out: orders taken in row by row, the same list back with what became of each."""
