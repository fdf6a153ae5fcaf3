-- Hours or days in `touched` (device_id, at), from their windows; `{step}` is 'hour' or 'day', in the county's zone. Answers
-- those that are new or different.
-- Means are weighted by readings, in exact thousandths. To follow WITH touched AS (…).
INSERT INTO {step}_fume AS s (
    device_id, at, count, valid, minutes, fume_mean, fume_min, fume_max, pm_mean, nmhc_mean,
    fan_on_minutes, purifier_on_minutes, fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4
)
SELECT t.device_id, t.at, sum(count), sum(valid), sum(minutes),
       (sum(round(fume_mean::float8 * 1000 * valid)::bigint) / 1000.0
            / nullif(sum(valid) FILTER (WHERE fume_mean IS NOT NULL), 0))::real,
       min(fume_min), max(fume_max),
       (sum(round(pm_mean::float8 * 1000 * count)::bigint) / 1000.0
            / nullif(sum(count) FILTER (WHERE pm_mean IS NOT NULL), 0))::real,
       (sum(round(nmhc_mean::float8 * 1000 * count)::bigint) / 1000.0
            / nullif(sum(count) FILTER (WHERE nmhc_mean IS NOT NULL), 0))::real,
       sum(fan_on_minutes), sum(purifier_on_minutes), sum(fan_without_purifier_minutes),
       sum(minutes_over_1), sum(minutes_over_2), sum(minutes_over_4)
FROM touched t
JOIN window_fume w ON w.device_id = t.device_id AND w.at >= t.at AND w.at < t.at + interval '1 {step}'
GROUP BY t.device_id, t.at
ON CONFLICT (device_id, at) DO UPDATE SET
    count = excluded.count, valid = excluded.valid, minutes = excluded.minutes, fume_mean = excluded.fume_mean,
    fume_min = excluded.fume_min, fume_max = excluded.fume_max, pm_mean = excluded.pm_mean,
    nmhc_mean = excluded.nmhc_mean, fan_on_minutes = excluded.fan_on_minutes,
    purifier_on_minutes = excluded.purifier_on_minutes,
    fan_without_purifier_minutes = excluded.fan_without_purifier_minutes,
    minutes_over_1 = excluded.minutes_over_1, minutes_over_2 = excluded.minutes_over_2,
    minutes_over_4 = excluded.minutes_over_4
WHERE (s.*) IS DISTINCT FROM (excluded.*)
RETURNING s.device_id, s.at
