"""Pages of the merchants room. Thin: parse, authorise, call, render. The portrait of a merchant is portal's to draw."""
