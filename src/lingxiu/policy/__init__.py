"""The catalogues as data: YAML in, typed, versioned editions in the database. Decides nothing itself."""
