-- Every merchant's Standing but for its level: as issues.writing.tell_standing, sensing/sql/device_states.sql, sensing.judging and
-- merchants.actions each write their own columns of it, counted anew for all at once.
WITH issues AS (
    SELECT merchant_id, count(*) FILTER (WHERE closed_at IS NULL) AS open, max(reported_at) AS last
    FROM issues_issue WHERE merchant_id IS NOT NULL GROUP BY merchant_id
), visits AS (
    SELECT merchant_id, max(at) AS last FROM (
        SELECT merchant_id, at FROM merchants_visit
        UNION ALL
        SELECT i.merchant_id, m.at FROM issues_move m JOIN issues_issue i ON i.id = m.issue_id WHERE m.move = 'handle'
      ) came GROUP BY merchant_id
), alarms AS (
    SELECT d.merchant_id, count(*) AS open FROM sensing_alarm a JOIN sensing_device d ON d.id = a.device_id
    WHERE a.cleared_at IS NULL AND NOT a.observing GROUP BY d.merchant_id
), devices AS (
    SELECT d.merchant_id, max(w.latest_at) AS latest, CASE
        WHEN bool_or(d.state = 'active' AND m.id IS NULL AND (w.device_id IS NULL OR s.id IS NOT NULL)) THEN 'offline'
        WHEN bool_or(d.state = 'maintenance' OR m.id IS NOT NULL) THEN 'maintenance'
        ELSE 'online' END AS state
    FROM sensing_device d
    LEFT JOIN watch_device w ON w.device_id = d.id
    LEFT JOIN sensing_alarm s ON s.device_id = d.id AND s.cleared_at IS NULL AND s.code = ANY (%(silences)s)
    LEFT JOIN sensing_maintenance m
        ON m.device_id = d.id AND m.since <= %(at)s AND (m.until IS NULL OR m.until > %(at)s)
    WHERE d.state <> 'retired' AND d.kind = 'fume_monitor' GROUP BY d.merchant_id
)
UPDATE merchants_standing t SET
    open_issues = coalesce(issues.open, 0), last_issue_at = issues.last, last_visit_at = visits.last,
    open_alarms = coalesce(alarms.open, 0), device_state = coalesce(devices.state, 'none'),
    last_reading_at = devices.latest
FROM merchants_standing s
LEFT JOIN issues USING (merchant_id) LEFT JOIN visits USING (merchant_id)
LEFT JOIN alarms USING (merchant_id) LEFT JOIN devices USING (merchant_id)
WHERE s.merchant_id = t.merchant_id
