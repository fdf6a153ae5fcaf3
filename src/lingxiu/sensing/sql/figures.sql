-- Sums of devices between two moments, from the statistics of days; `held`: maintenance, calibration and times in which nobody
-- listened on the way the device comes by.
-- What was received in held times is counted by ten-minute windows and taken from what was due: such minutes count on neither side.
WITH chosen AS (
    SELECT d.id, CASE w.way WHEN 'mqtt' THEN 'mqtt' ELSE 'hj212' END AS way, d.mn, m.name, m.town, d.vendor, d.maintainer_id,
           greatest(%(since)s, coalesce((d.installed_on::timestamp AT TIME ZONE %(zone)s), %(since)s)) AS since,
           least(%(until)s, CASE WHEN d.state = 'retired' THEN coalesce((
               SELECT max(e.at) FROM sensing_deviceevent e WHERE e.device_id = d.id AND e.kind IN ('retired', 'replaced')
           ), %(since)s) ELSE %(until)s END) AS until
    FROM sensing_device d JOIN merchants_merchant m ON m.id = d.merchant_id
    LEFT JOIN watch_device w ON w.device_id = d.id
    WHERE d.id = ANY (%(devices)s)
), serving AS (
    SELECT * FROM chosen WHERE since < until
), spans AS (
    SELECT s.id, range_agg(tstzrange(greatest(h.since, s.since), least(coalesce(h.until, s.until), s.until))) AS held
    FROM serving s JOIN (
        SELECT device_id, NULL AS way, since, until FROM sensing_maintenance
        UNION ALL SELECT NULL, way, since, until FROM sensing_deafness
    ) h ON (h.device_id = s.id OR h.way = s.way) AND h.since < s.until AND coalesce(h.until, s.until) > s.since
    GROUP BY s.id
), held AS (
    SELECT p.id, sum(extract(epoch FROM upper(r) - lower(r)) / 60) AS minutes, coalesce(sum(w.minutes), 0) AS received
    FROM spans p CROSS JOIN LATERAL unnest(p.held) AS r
    CROSS JOIN LATERAL (
        SELECT sum(minutes) AS minutes FROM window_fume w
        WHERE w.device_id = p.id AND w.at >= lower(r) - interval '10 minutes' AND w.at < upper(r)
    ) w
    GROUP BY p.id
), days AS (
    SELECT s.id, sum(f.minutes) AS minutes, sum(f.count) AS count, sum(f.valid) AS valid, sum(f.fan_on_minutes) AS fan,
           sum(f.fan_without_purifier_minutes) AS alone, sum(f.minutes_over_1) AS over_1, sum(f.minutes_over_2) AS over_2,
           sum(f.minutes_over_4) AS over_4
    FROM serving s JOIN day_fume f ON f.device_id = s.id
        AND f.at >= date_trunc('day', s.since, %(zone)s) AND f.at < s.until
    GROUP BY s.id
)
SELECT s.id, s.mn, s.name, s.town, s.vendor, s.maintainer_id,
       extract(epoch FROM s.until - s.since) / 60,
       greatest(0, extract(epoch FROM s.until - s.since) / 60 - coalesce(h.minutes, 0)),
       coalesce(d.minutes, 0), greatest(0, coalesce(d.minutes, 0) - coalesce(h.received, 0)),
       coalesce(d.count, 0), coalesce(d.valid, 0), coalesce(d.fan, 0), coalesce(d.alone, 0),
       coalesce(d.over_1, 0), coalesce(d.over_2, 0), coalesce(d.over_4, 0)
FROM serving s LEFT JOIN days d USING (id) LEFT JOIN held h USING (id)
ORDER BY s.mn
