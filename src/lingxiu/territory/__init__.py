"""Where things are: the county, its towns, communities and grids as shapes, and which of them a point lies in."""
