-- What forecasts of monitors rest on: their hours between two moments, by day and hour of the county.
SELECT device_id, (at AT TIME ZONE %(zone)s)::date, extract(hour FROM at AT TIME ZONE %(zone)s)::integer,
       fume_mean, fume_min, fume_max, minutes, fan_on_minutes, fan_without_purifier_minutes
FROM hour_fume
WHERE device_id = ANY (%(devices)s) AND at >= %(since)s AND at < %(until)s
