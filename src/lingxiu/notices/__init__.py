"""Who is told what, when, by which way: the journal is read, people are written to. Never changes what it tells of."""
