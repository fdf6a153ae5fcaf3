-- The newest level of each merchant on `day` or before.
SELECT merchant.id, score.level
FROM merchants_merchant AS merchant
CROSS JOIN LATERAL (
    SELECT level FROM rating_fumescore WHERE merchant_id = merchant.id AND day <= %(day)s ORDER BY day DESC LIMIT 1
) AS score
WHERE merchant.id = ANY(%(merchants)s)
