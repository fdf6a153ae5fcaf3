-- Standing.device_state of every merchant whose devices say something else now; answers merchant and new state.
-- Offline: one of its devices is silent (an open alarm of a silence rule) or was never heard.
WITH states AS (
    SELECT d.merchant_id, CASE
        WHEN bool_or(d.state = 'active' AND NOT m.held AND (w.device_id IS NULL OR s.silent)) THEN 'offline'
        WHEN bool_or(d.state = 'maintenance' OR m.held) THEN 'maintenance'
        ELSE 'online' END AS state
    FROM sensing_device d
    LEFT JOIN watch_device w ON w.device_id = d.id
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM sensing_alarm a WHERE a.device_id = d.id AND a.cleared_at IS NULL AND a.code = ANY (%(codes)s)
    ) AS silent) s
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM sensing_maintenance o
        WHERE o.device_id = d.id AND o.since <= %(at)s AND (o.until IS NULL OR o.until > %(at)s)
    ) AS held) m
    WHERE d.state <> 'retired' AND d.kind = 'fume_monitor'
    GROUP BY d.merchant_id
), wanted AS (
    SELECT t.merchant_id, coalesce(s.state, 'none') AS state
    FROM merchants_standing t LEFT JOIN states s USING (merchant_id)
    WHERE t.device_state <> coalesce(s.state, 'none')
    ORDER BY t.merchant_id
)
UPDATE merchants_standing t SET device_state = wanted.state FROM wanted
WHERE t.merchant_id = wanted.merchant_id AND t.device_state <> wanted.state  -- once more: another watch may have been faster
RETURNING t.merchant_id, t.device_state
