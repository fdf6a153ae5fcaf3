-- Who is rated: every merchant not closed for good.
SELECT id, scale, status = 'paused', town, grid, synthetic
FROM merchants_merchant
WHERE status <> 'closed' AND id = ANY(%(merchants)s)
ORDER BY id
