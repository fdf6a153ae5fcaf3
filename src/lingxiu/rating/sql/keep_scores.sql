-- Keep the scores of `rows` (a JSON array), one a merchant and day: the one computed last.
INSERT INTO rating_fumescore (
    merchant_id, day, computed_at, scheme, score, level, coverage, facts, dimensions, held_by, edition, synthetic
)
SELECT merchant_id, %(day)s, %(at)s, scheme, score, level, coverage, facts, dimensions, held_by, %(edition)s, synthetic
FROM jsonb_to_recordset(%(rows)s::jsonb) AS scored(
    merchant_id bigint, scheme text, score float8, level smallint, coverage float8, facts jsonb, dimensions jsonb, held_by jsonb,
    synthetic boolean
)
ON CONFLICT (merchant_id, day) DO UPDATE SET
    computed_at = excluded.computed_at, scheme = excluded.scheme, score = excluded.score, level = excluded.level,
    coverage = excluded.coverage, facts = excluded.facts, dimensions = excluded.dimensions, held_by = excluded.held_by,
    edition = excluded.edition, synthetic = excluded.synthetic
