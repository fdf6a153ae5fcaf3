-- What each fume monitor told in the `window` days that end with the last day before `today` on which it was heard; days
-- under maintenance judge nobody. One row a monitor in use; last_at is null for one never heard, since_at then its installation.
-- unnoted: complete silent days that no maintenance note explains, or none any more because it is `excused_days` old.
WITH device AS (
    SELECT device.id, device.mn, device.merchant_id, device.maintenance_until,
           device.installed_on::timestamp AT TIME ZONE %(zone)s AS installed_at, (
        SELECT at FROM day_fume
        WHERE device_id = device.id AND at < %(today)s AND minutes >= %(heard_minutes)s
        ORDER BY at DESC LIMIT 1
    ) AS last_at
    FROM sensing_device AS device
    WHERE device.kind = 'fume_monitor' AND device.state <> 'retired' AND device.merchant_id = ANY(%(merchants)s)
), noted AS (
    SELECT span.device_id, span.since, coalesce(span.until, device.maintenance_until, 'infinity') AS until
    FROM sensing_maintenance AS span JOIN device ON device.id = span.device_id
)
SELECT device.merchant_id, device.mn, device.last_at, coalesce(device.last_at, device.installed_at) AS since_at, (
           SELECT count(*)
           FROM generate_series(coalesce(device.last_at, device.installed_at) + interval '1 day',
                                %(today)s - interval '1 day', interval '1 day') AS silent(at)
           WHERE silent.at > coalesce(device.last_at, device.installed_at) + make_interval(days => %(excused_days)s)
              OR NOT EXISTS (
                  SELECT FROM noted
                  WHERE noted.device_id = device.id
                    AND noted.since < silent.at + interval '1 day' AND noted.until > silent.at
              )
       ) AS unnoted,
       told.*
FROM device
CROSS JOIN LATERAL (
    SELECT coalesce(sum(fan_on_minutes) FILTER (WHERE fume_mean IS NOT NULL), 0) AS measured,
           coalesce(sum(least(minutes_over_2, fan_on_minutes)) FILTER (WHERE fume_mean IS NOT NULL), 0) AS high,
           coalesce(sum(fan_on_minutes), 0) AS fan,
           coalesce(sum(fan_on_minutes - fan_without_purifier_minutes), 0) AS linked
    FROM day_fume AS day
    WHERE day.device_id = device.id AND day.at <= device.last_at
      AND day.at > device.last_at - make_interval(days => %(window)s)
      AND NOT EXISTS (
          SELECT FROM noted
          WHERE noted.device_id = device.id AND noted.since < day.at + interval '1 day' AND noted.until > day.at
      )
) AS told
ORDER BY device.merchant_id, device.mn
