-- What each fume monitor told of a shop in the `window` days that end with the last day before `today` on which it was heard
-- there; days under maintenance judge nobody. A reading belongs to the shop where the monitor stood: whole days only, and the
-- day of a move is nobody's. One row a monitor in use that stands there, last_at null for one never heard, since_at then its
-- installation; and one for each that stood there within the window (stands: false), which is missed by nobody any more.
-- unnoted: complete silent days that no maintenance note explains, or none any more because it is `excused_days` old.
WITH arrival AS (
    SELECT device_id, merchant_id, kind, at, row_number() OVER spells AS nth, lead(at) OVER spells AS until
    FROM sensing_deviceevent
    WHERE kind IN ('installed', 'moved', 'replaces') AND device_id IN (
        SELECT id FROM sensing_device WHERE merchant_id = ANY(%(merchants)s)
        UNION SELECT device_id FROM sensing_deviceevent WHERE merchant_id = ANY(%(merchants)s)
    )
    WINDOW spells AS (PARTITION BY device_id ORDER BY at, id)
), spell AS (
    SELECT device_id, merchant_id, until, CASE WHEN nth > 1 OR kind = 'moved' THEN at ELSE '-infinity' END AS since
    FROM arrival WHERE until IS NOT NULL AND until > %(today)s - make_interval(days => %(window)s)
    UNION ALL
    SELECT device.id, device.merchant_id, NULL, coalesce((
        SELECT max(at) FROM sensing_deviceevent WHERE device_id = device.id AND kind = 'moved'
    ), '-infinity')
    FROM sensing_device AS device
), device AS (
    SELECT device.id, device.mn, spell.merchant_id, device.maintenance_until, spell.since, spell.until IS NULL AS stands,
           device.installed_on::timestamp AT TIME ZONE %(zone)s AS installed_at, (
        SELECT at FROM day_fume
        WHERE device_id = device.id AND at < %(today)s AND minutes >= %(heard_minutes)s
          AND at >= spell.since AND at + interval '1 day' <= coalesce(spell.until, 'infinity')
        ORDER BY at DESC LIMIT 1
    ) AS last_at
    FROM spell JOIN sensing_device AS device ON device.id = spell.device_id
    WHERE device.kind = 'fume_monitor' AND device.state <> 'retired' AND spell.merchant_id = ANY(%(merchants)s)
), noted AS (
    SELECT span.device_id, span.since, coalesce(span.until, device.maintenance_until, 'infinity') AS until
    FROM sensing_maintenance AS span
    JOIN (SELECT DISTINCT id, maintenance_until FROM device) AS device ON device.id = span.device_id
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
       device.stands, told.*
FROM device
CROSS JOIN LATERAL (
    SELECT coalesce(sum(fan_on_minutes) FILTER (WHERE fume_mean IS NOT NULL), 0) AS measured,
           coalesce(sum(least(minutes_over_2, fan_on_minutes)) FILTER (WHERE fume_mean IS NOT NULL), 0) AS high,
           coalesce(sum(fan_on_minutes), 0) AS fan,
           coalesce(sum(fan_on_minutes - fan_without_purifier_minutes), 0) AS linked
    FROM day_fume AS day
    WHERE day.device_id = device.id AND day.at <= device.last_at AND day.at >= device.since
      AND day.at > CASE WHEN device.stands THEN device.last_at ELSE %(today)s - interval '1 day' END
                   - make_interval(days => %(window)s)
      AND NOT EXISTS (
          SELECT FROM noted
          WHERE noted.device_id = device.id AND noted.since < day.at + interval '1 day' AND noted.until > day.at
      )
) AS told
WHERE device.stands OR device.last_at IS NOT NULL
ORDER BY device.merchant_id, device.mn, device.stands
