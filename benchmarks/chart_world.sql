-- Statistics of monitors as a kitchen that cooks twice a day leaves them: `devices` monitors, `days` days that end at `until`.
-- Hours and days of all of them, ten-minute windows of the first `whole`. Nothing is random: a hash of device and hour decides.
CREATE TEMP TABLE hours ON COMMIT DROP AS
SELECT d.id AS device_id, at, row_number() OVER (PARTITION BY at ORDER BY d.id) AS number,
       abs(hashint8(d.id * 100003::bigint + date_part('epoch', at)::bigint / 3600)) %% 1000 AS dice,
       date_part('hour', at AT TIME ZONE %(zone)s) IN (11, 12, 17, 18, 19) AS cooking
FROM sensing_device d
CROSS JOIN generate_series(%(until)s::timestamptz - make_interval(days => %(days)s), %(until)s::timestamptz - interval '1 hour', interval '1 hour') AS at;

-- One hour in fifty is missing: a gap has to be found, not joined.
INSERT INTO hour_fume
SELECT device_id, at, 60, 60, 60, 0.2 + dice / 900.0 + CASE WHEN cooking THEN dice / 500.0 ELSE 0 END, 0.05, 1 + dice / 250.0, NULL, NULL,
       CASE WHEN cooking THEN 60 ELSE 0 END, CASE WHEN cooking AND dice > 30 THEN 60 ELSE 0 END,
       CASE WHEN cooking AND dice <= 30 THEN 60 ELSE 0 END, CASE WHEN cooking THEN dice / 25 ELSE 0 END,
       CASE WHEN cooking AND dice > 900 THEN 12 ELSE 0 END, 0
FROM hours WHERE dice %% 50 <> 7;

INSERT INTO day_fume
SELECT device_id, date_trunc('day', at, %(zone)s), sum(count), sum(valid), sum(minutes), avg(fume_mean), min(fume_min), max(fume_max),
       NULL, NULL, sum(fan_on_minutes), sum(purifier_on_minutes), sum(fan_without_purifier_minutes), sum(minutes_over_1),
       sum(minutes_over_2), sum(minutes_over_4)
FROM hour_fume GROUP BY 1, 2;

INSERT INTO window_fume
SELECT h.device_id, h.at + n * interval '10 minutes', 10, 10, 10, h.fume_mean, h.fume_min, h.fume_max, NULL, NULL,
       h.fan_on_minutes / 6, h.purifier_on_minutes / 6, h.fan_without_purifier_minutes / 6, h.minutes_over_1 / 6, h.minutes_over_2 / 6, 0
FROM hour_fume h JOIN hours USING (device_id, at) CROSS JOIN generate_series(0, 5) n
WHERE number <= %(whole)s;

INSERT INTO sensing_alarm (device_id, code, severity, raised_at, last_at, cleared_at, peak, evidence, observing, edition, issue_number,
                           noticed_at, synthetic, acknowledgement)
SELECT device_id, 'ALM-FUME-3', 'orange', at, at + interval '30 minutes', at + interval '1 hour', 2.4, '{}', false, %(edition)s, '', at, true, ''
FROM hours WHERE cooking AND dice > 970;
