-- When purifier and trap were last cared for by `day`, and the days waste was handed over since `since`,
-- as far as it was recorded by `at`. One row a merchant with any record.
SELECT merchant_id,
       max("on") FILTER (WHERE kind = 'purifier_cleaned'),
       max("on") FILTER (WHERE kind = 'trap_emptied'),
       min("on") FILTER (WHERE kind = 'waste_handed_over'),
       count(DISTINCT "on") FILTER (WHERE kind = 'waste_handed_over' AND "on" > %(since)s)
FROM merchants_carerecord
WHERE "on" <= %(day)s AND recorded_at <= %(at)s AND merchant_id = ANY(%(merchants)s)
GROUP BY merchant_id
