-- What each fume monitor told in the `window` days that end with the last day before `today` on which it was heard.
-- One row a monitor in use; last_at is null for one that was never heard.
WITH heard AS (
    SELECT device.id, device.mn, device.merchant_id, device.state, device.maintenance_until, device.installed_on, (
        SELECT at FROM day_fume
        WHERE device_id = device.id AND at < %(today)s AND minutes >= %(heard_minutes)s
        ORDER BY at DESC LIMIT 1
    ) AS last_at
    FROM sensing_device AS device
    WHERE device.kind = 'fume_monitor' AND device.state <> 'retired'
      AND device.merchant_id = ANY(%(merchants)s)
)
SELECT heard.merchant_id, heard.mn, heard.state, heard.maintenance_until, heard.installed_on, heard.last_at,
       coalesce(sum(told.fan_on_minutes) FILTER (WHERE told.fume_mean IS NOT NULL), 0),
       coalesce(sum(least(told.minutes_over_2, told.fan_on_minutes)) FILTER (WHERE told.fume_mean IS NOT NULL), 0),
       coalesce(sum(told.fan_on_minutes), 0),
       coalesce(sum(told.fan_on_minutes - told.fan_without_purifier_minutes), 0)
FROM heard
LEFT JOIN day_fume AS told
    ON told.device_id = heard.id
    AND told.at <= heard.last_at AND told.at > heard.last_at - make_interval(days => %(window)s)
GROUP BY heard.merchant_id, heard.mn, heard.state, heard.maintenance_until, heard.installed_on, heard.last_at
ORDER BY heard.merchant_id, heard.mn
