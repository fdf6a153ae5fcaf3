-- Rows whose key may be there already, from incoming_fume: they fill nulls, they never overwrite. Answers the keys that changed.
INSERT INTO reading_fume AS t
SELECT * FROM incoming_fume ORDER BY device_id, at, cn, channel
ON CONFLICT (device_id, at, cn, channel) DO UPDATE SET
    fume_mg_m3 = coalesce(t.fume_mg_m3, excluded.fume_mg_m3),
    pm_mg_m3 = coalesce(t.pm_mg_m3, excluded.pm_mg_m3),
    nmhc_mg_m3 = coalesce(t.nmhc_mg_m3, excluded.nmhc_mg_m3),
    temperature_c = coalesce(t.temperature_c, excluded.temperature_c),
    humidity_pct = coalesce(t.humidity_pct, excluded.humidity_pct),
    fan_a = coalesce(t.fan_a, excluded.fan_a),
    purifier_a = coalesce(t.purifier_a, excluded.purifier_a),
    fan_on = coalesce(t.fan_on, excluded.fan_on),
    purifier_on = coalesce(t.purifier_on, excluded.purifier_on),
    marks = CASE WHEN t.marks IS NULL OR excluded.marks IS NULL THEN coalesce(t.marks, excluded.marks)
                 ELSE excluded.marks || t.marks END,
    extra = CASE WHEN t.extra IS NULL OR excluded.extra IS NULL THEN coalesce(t.extra, excluded.extra)
                 ELSE excluded.extra || t.extra END
WHERE (t.fume_mg_m3 IS NULL AND excluded.fume_mg_m3 IS NOT NULL)
   OR (t.pm_mg_m3 IS NULL AND excluded.pm_mg_m3 IS NOT NULL)
   OR (t.nmhc_mg_m3 IS NULL AND excluded.nmhc_mg_m3 IS NOT NULL)
   OR (t.temperature_c IS NULL AND excluded.temperature_c IS NOT NULL)
   OR (t.humidity_pct IS NULL AND excluded.humidity_pct IS NOT NULL)
   OR (t.fan_a IS NULL AND excluded.fan_a IS NOT NULL)
   OR (t.purifier_a IS NULL AND excluded.purifier_a IS NOT NULL)
   OR (t.fan_on IS NULL AND excluded.fan_on IS NOT NULL)
   OR (t.purifier_on IS NULL AND excluded.purifier_on IS NOT NULL)
   OR (excluded.marks IS NOT NULL
       AND NOT coalesce(t.marks, '{}') ?& ARRAY(SELECT jsonb_object_keys(excluded.marks)))
   OR (excluded.extra IS NOT NULL
       AND NOT coalesce(t.extra, '{}') ?& ARRAY(SELECT jsonb_object_keys(excluded.extra)))
RETURNING device_id, (extract(epoch FROM at))::bigint
