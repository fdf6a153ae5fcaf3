-- Rows of incoming_fume that say something else than what is stored (and stays): their keys, `at` in µs since 2000.
SELECT i.device_id, (extract(epoch FROM i.at - '2000-01-01 00:00:00+00'::timestamptz) * 1000000)::bigint, i.cn, i.channel
FROM incoming_fume i
JOIN reading_fume t ON (t.device_id, t.at, t.cn, t.channel) = (i.device_id, i.at, i.cn, i.channel)
WHERE t.fume_mg_m3 <> i.fume_mg_m3
   OR t.pm_mg_m3 <> i.pm_mg_m3
   OR t.nmhc_mg_m3 <> i.nmhc_mg_m3
   OR t.temperature_c <> i.temperature_c
   OR t.humidity_pct <> i.humidity_pct
   OR t.fan_a <> i.fan_a
   OR t.purifier_a <> i.purifier_a
   OR t.fan_on <> i.fan_on
   OR t.purifier_on <> i.purifier_on
   OR NOT t.marks @> i.marks
   OR NOT t.extra @> i.extra
