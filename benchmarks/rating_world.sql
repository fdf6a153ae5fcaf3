-- A county's facts for the benchmark of the rating: 200 days of care, three months of monitors and issues. One merchant in nine
-- has a monitor, of these one in forty is dark; all of it follows from the merchants' numbers.
INSERT INTO merchants_carerecord (merchant_id, kind, "on", by, recorded_at, synthetic)
SELECT id, care.kind, day, '', day + interval '12 hours', true
FROM merchants_merchant
CROSS JOIN (VALUES ('purifier_cleaned', 60), ('trap_emptied', 25), ('waste_handed_over', 6)) AS care(kind, every)
CROSS JOIN LATERAL generate_series(%(last)s::timestamptz - make_interval(days => 1 + id::int %% (every * 2)),
                                   %(last)s::timestamptz - interval '200 days', -make_interval(days => every)) AS day
WHERE (id * 7919 + every) %% 20 > 0;

INSERT INTO selfservice_selfcheck (merchant_id, month, answers, declared_at, synthetic)
SELECT id, month, '{}', month + interval '2 days', true
FROM merchants_merchant CROSS JOIN unnest(ARRAY['2025-12-01', '2026-01-01', '2026-02-01']::timestamptz[]) AS month
WHERE (id * 31 + date_part('month', month)::int) %% 4 > 0;

INSERT INTO sensing_device (mn, merchant_id, profile, kind, state, vendor, maintenance_note, installed_on, synthetic)
SELECT 'LX' || id, id, 'plain-2017', 'fume_monitor', 'active', '', '', '2025-06-01', true FROM merchants_merchant WHERE id %% 9 = 0;

INSERT INTO day_fume (device_id, at, count, valid, minutes, fume_mean, fan_on_minutes, purifier_on_minutes,
                      fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)
SELECT device.id, day, 1440, 1440, 1440, 0.8, 400, 400, device.id * 13 %% 90, 60, device.id * 7 %% 45, 0
FROM sensing_device AS device
CROSS JOIN generate_series(%(last)s::timestamptz - interval '90 days', %(last)s::timestamptz - interval '1 day', interval '1 day') AS day
WHERE device.id %% 40 > 0 OR day < %(last)s::timestamptz - interval '12 days';

INSERT INTO issues_issue (number, version, state, flow, level, source, violation, violation_kind, severity, responsible, merchant_id,
                          town, grid, place, summary, act_at, reported_at, clock_from, due_at, step_due_at, due_provisional,
                          closed_at, result, edition, routing_rule, routing_why, synthetic, more_days, extensions, moved_at)
SELECT to_char(at, 'YYYYMMDD') || lpad(n::text, 5, '0'), 4, 'closed', 'quick', 'grid', source, violation, kind, 2, 'dept-ecology',
       merchants[1 + n * 104729 %% cardinality(merchants)], '', '', '', '…', at, at, at, at, at, false, at + interval '1 day', 'fixed', 1,
       'R-70-GRID', '{}', true, 0, 0, at + interval '1 day'
FROM (SELECT array_agg(id ORDER BY id) AS merchants FROM merchants_merchant) AS all_of_them
CROSS JOIN LATERAL generate_series(1, cardinality(merchants) * 6 / 10) AS n
CROSS JOIN LATERAL (SELECT %(last)s::timestamptz - make_interval(hours => n %% 2160) AS at) AS moment
CROSS JOIN LATERAL (SELECT (ARRAY['public', 'grid_member', 'alarm'])[1 + n %% 3] AS source,
                           (ARRAY['P-SMOKE', 'D-TRAP', 'L-FUME'])[1 + n %% 3] AS violation,
                           (ARRAY['finding', 'finding', 'lead'])[1 + n %% 3] AS kind) AS what;

INSERT INTO issues_move (issue_id, version, move, from_state, to_state, from_level, to_level, words, result, photos, at, data)
SELECT issue.id, made.version, made.move, '', made.state, '', 'grid', '', CASE WHEN made.version = 3 THEN result ELSE '' END, '[]',
       reported_at + make_interval(hours => made.version), '{}'
FROM issues_issue AS issue
CROSS JOIN (VALUES (1, 'report', 'received'), (2, 'accept', 'handling'), (3, 'feed_back', 'recheck'), (4, 'close', 'closed'))
    AS made(version, move, state);

INSERT INTO issues_report (token, issue_id, source, own_number, merchant_id, words, place, seen_at, reported_at, reporter_name,
                           reporter_phone, phone_index, photos, due_at, due_provisional, answer, synthetic)
SELECT 'bench' || id, id, source, '', merchant_id, '…', '', reported_at, reported_at, '', '', '', '[]', due_at, false, '', true
FROM issues_issue WHERE source = 'public';

CREATE TABLE bench_score (merchant_id bigint, score float8, level int, coverage float8);
