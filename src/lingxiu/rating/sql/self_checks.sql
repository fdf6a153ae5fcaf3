-- The newest month for which each merchant had declared its self-check by `at`.
SELECT merchant_id, max(month)
FROM selfservice_selfcheck
WHERE month <= %(day)s AND declared_at <= %(at)s AND merchant_id = ANY(%(merchants)s)
GROUP BY merchant_id
