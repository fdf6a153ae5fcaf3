"""What merchants declare themselves: self-checks, cleanings, waste handed over."""
