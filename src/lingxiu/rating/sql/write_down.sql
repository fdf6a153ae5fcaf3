-- Write the scores of `day` into Standing, unless a later day was rated already. Answers what was written: merchant, level before, level.
UPDATE merchants_standing AS standing
SET fume_level = score.level, fume_score = score.score, fume_coverage = score.coverage
FROM rating_fumescore AS score
JOIN merchants_standing AS before USING (merchant_id)
WHERE score.merchant_id = ANY(%(merchants)s) AND score.day = %(day)s AND standing.merchant_id = score.merchant_id
  AND (before.fume_level, before.fume_score, before.fume_coverage) IS DISTINCT FROM (score.level, score.score, score.coverage)
  AND NOT EXISTS (SELECT FROM rating_fumescore AS later WHERE later.merchant_id = score.merchant_id AND later.day > %(day)s)
RETURNING standing.merchant_id, before.fume_level, standing.fume_level
