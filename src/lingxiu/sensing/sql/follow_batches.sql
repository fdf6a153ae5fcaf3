-- What the batches after one place and up to another have touched: their windows recomputed, their devices marked for judging.
-- A window is judged `settle` after its end; one that changed later, when nothing touched it for five seconds (or anyway after
-- sixty), so that a re-send of buffered data is judged as a whole.
WITH batches AS (
    SELECT at, way, device_ids, windows, latest FROM ingest_batch
    WHERE (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s) AND (xid, id) <= (%(last_xid)s::text::xid8, %(last_id)s)
), pairs AS (
    SELECT u.device_id, u.win, max(u.latest) AS latest, max(b.at) AS heard_at, max(b.way) AS way
    FROM batches b CROSS JOIN LATERAL unnest(b.device_ids, b.windows, b.latest) AS u (device_id, win, latest)
    GROUP BY u.device_id, u.win
), touched AS MATERIALIZED (
    SELECT device_id, win FROM pairs ORDER BY device_id, win
), kinds AS (
    SELECT * FROM jsonb_to_recordset(%(kinds)s::jsonb) AS k (profile text, stands_for integer, commands smallint[])
), changed AS (
    {recompute_windows}
), summed_later AS (
    INSERT INTO dirty_sum (device_id, step, at, marked_at)
    SELECT DISTINCT device_id, step, date_trunc(step, at, %(zone)s), %(at)s::timestamptz
    FROM changed CROSS JOIN (VALUES ('hour'), ('day')) AS steps (step)
    ON CONFLICT DO NOTHING
), heard AS (
    SELECT device_id, max(heard_at) AS heard_at, to_timestamp(max(latest)) AS latest_at, max(way) AS way
    FROM pairs GROUP BY device_id
), dirty AS (
    SELECT device_id, min(at) AS first, max(at) AS last FROM changed GROUP BY device_id
)
INSERT INTO watch_device AS w (device_id, heard_at, latest_at, way, dirty_from, dirty_to, dirty_since, due_at)
SELECT device_id, h.heard_at, h.latest_at, h.way, d.first, d.last,
       CASE WHEN d.first < %(at)s - interval '10 minutes' - make_interval(secs => %(settle)s) THEN %(at)s END,
       greatest(d.first + interval '10 minutes' + make_interval(secs => %(settle)s), CASE WHEN d.first IS NOT NULL THEN %(at)s + interval '5 s' END)
FROM heard h LEFT JOIN dirty d USING (device_id)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
    heard_at = greatest(w.heard_at, excluded.heard_at),
    latest_at = greatest(w.latest_at, excluded.latest_at),
    way = excluded.way,
    dirty_from = least(w.dirty_from, excluded.dirty_from),
    dirty_to = greatest(w.dirty_to, excluded.dirty_to),
    dirty_since = coalesce(w.dirty_since, excluded.dirty_since),
    due_at = CASE WHEN excluded.due_at IS NULL THEN w.due_at ELSE greatest(
        least(w.dirty_from, excluded.dirty_from) + interval '10 minutes' + make_interval(secs => %(settle)s),
        least(%(at)s + interval '5 s', coalesce(w.dirty_since, excluded.dirty_since) + interval '60 s')) END
