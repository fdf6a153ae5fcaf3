"""Pages that show several rooms at once: front doors, the map, portraits, an issue with all around it. Queries only."""
