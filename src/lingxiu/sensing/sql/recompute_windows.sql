-- The ten-minute windows named in `touched` (device_id, win), from their readings. Answers those that are new or different.
-- Of several commands a device sends, minute data (2051) win over real-time data (2011); `kinds` says by profile which ones
-- count, and for how many minutes one reading stands. To follow WITH touched AS (…), kinds AS (…).
INSERT INTO window_fume AS w (
    device_id, at, count, valid, minutes, fume_mean, fume_min, fume_max, pm_mean, nmhc_mean,
    fan_on_minutes, purifier_on_minutes, fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4
)
SELECT t.device_id, to_timestamp(t.win * 600::bigint), s.count, s.valid, least(10, bit_count(s.any_minutes::bit(10)) * coalesce(k.stands_for, 1)),
       s.fume_mean, s.fume_min, s.fume_max, s.pm_mean, s.nmhc_mean,
       least(10, bit_count(s.fan::bit(10)) * coalesce(k.stands_for, 1)),
       least(10, bit_count(s.purifier::bit(10)) * coalesce(k.stands_for, 1)),
       least(10, bit_count(s.alone::bit(10)) * coalesce(k.stands_for, 1)),
       least(10, bit_count(s.over_1::bit(10)) * coalesce(k.stands_for, 1)),
       least(10, bit_count(s.over_2::bit(10)) * coalesce(k.stands_for, 1)),
       least(10, bit_count(s.over_4::bit(10)) * coalesce(k.stands_for, 1))
FROM touched t
JOIN sensing_device d ON d.id = t.device_id
LEFT JOIN kinds k ON k.profile = d.profile
CROSS JOIN LATERAL (
    SELECT count(*) AS count,
           count(fume_mg_m3) AS valid,
           (sum(round(fume_mg_m3::float8 * 1000)::bigint) / 1000.0 / count(fume_mg_m3))::real AS fume_mean,
           min(fume_mg_m3) AS fume_min,
           max(fume_mg_m3) AS fume_max,
           (sum(round(pm_mg_m3::float8 * 1000)::bigint) / 1000.0 / count(pm_mg_m3))::real AS pm_mean,
           (sum(round(nmhc_mg_m3::float8 * 1000)::bigint) / 1000.0 / count(nmhc_mg_m3))::real AS nmhc_mean,
           bit_or(minute) AS any_minutes,
           coalesce(bit_or(minute) FILTER (WHERE fan_on), 0) AS fan,
           coalesce(bit_or(minute) FILTER (WHERE purifier_on), 0) AS purifier,
           coalesce(bit_or(minute) FILTER (WHERE fan_on AND NOT purifier_on), 0) AS alone,
           coalesce(bit_or(minute) FILTER (WHERE fume_mg_m3 > 1), 0) AS over_1,
           coalesce(bit_or(minute) FILTER (WHERE fume_mg_m3 > 2), 0) AS over_2,
           coalesce(bit_or(minute) FILTER (WHERE fume_mg_m3 > 4), 0) AS over_4
    FROM (
        SELECT r.*, 1 << (date_part('epoch', r.at)::bigint / 60 %% 10)::integer AS minute
        FROM reading_fume r
        WHERE r.device_id = t.device_id
          AND r.at >= to_timestamp(t.win * 600::bigint) AND r.at < to_timestamp(t.win * 600::bigint + 600)
          AND r.at >= %(first)s AND r.at < %(last)s
          AND r.cn = ANY (coalesce(k.commands, '{2011,2051}'))
    ) minutes
    GROUP BY cn ORDER BY cn DESC LIMIT 1
) s
ON CONFLICT (device_id, at) DO UPDATE SET
    count = excluded.count, valid = excluded.valid, minutes = excluded.minutes, fume_mean = excluded.fume_mean,
    fume_min = excluded.fume_min, fume_max = excluded.fume_max, pm_mean = excluded.pm_mean,
    nmhc_mean = excluded.nmhc_mean, fan_on_minutes = excluded.fan_on_minutes,
    purifier_on_minutes = excluded.purifier_on_minutes,
    fan_without_purifier_minutes = excluded.fan_without_purifier_minutes,
    minutes_over_1 = excluded.minutes_over_1, minutes_over_2 = excluded.minutes_over_2,
    minutes_over_4 = excluded.minutes_over_4
WHERE (w.*) IS DISTINCT FROM (excluded.*)
RETURNING w.device_id, w.at
