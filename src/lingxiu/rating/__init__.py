"""一指数: each merchant's fume level 1–3, from what is measured and done, with its explanation."""
