-- What forecasts of grease traps rest on: the median level of each day of the county between two moments, per cent of the
-- depth, and the day it was last emptied as the sensor says.
SELECT device_id, (at AT TIME ZONE %(zone)s)::date AS day,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY level_pct), (max(emptied_at) AT TIME ZONE %(zone)s)::date
FROM reading_grease
WHERE device_id = ANY (%(devices)s) AND at >= %(since)s AND at < %(until)s
GROUP BY device_id, day
