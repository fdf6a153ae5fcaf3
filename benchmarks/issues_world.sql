-- A county's list: %(issues)s issues, one every %(seconds)s seconds, one in forty still open, each with its moves, the assignment that
-- held it, the facts its route was found by; what people said, with its answer; some joint, resting, supervised or asking for time.
-- Everything follows from the issue's number; nothing is drawn by chance.

CREATE TEMPORARY TABLE shop AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS n, id, town, grid, lng, lat, address FROM merchants_merchant;
CREATE TEMPORARY TABLE violation (n int, id text, kind text, responsible text, summary text);
INSERT INTO violation VALUES
    (0, 'L-FUME', 'lead', 'dept-ecology', '三个十分钟均值 2.6 mg/m³，高于 2.0'),
    (1, 'L-LINK', 'lead', 'dept-ecology', '开风机未开净化器 12 分钟'),
    (2, 'D-HOOD', 'finding', 'dept-ecology', '集气罩油垢重，已当场提醒'),
    (3, 'D-BIN', 'finding', 'dept-enforcement', '后门垃圾桶没有盖'),
    (4, 'P-SMOKE', 'finding', 'dept-ecology', '楼上住户反映晚上油烟很大'),
    (5, 'V-W2', 'finding', 'dept-construction', '隔油池满溢到人行道'),
    (6, 'P-NOISE', 'finding', 'dept-enforcement', '风机噪声夜里很响');
CREATE TEMPORARY TABLE unit AS SELECT id, kind, code, town, grid FROM accounts_unit;
ANALYZE shop, violation, unit;

INSERT INTO issues_issue (
    number, version, state, flow, level, source, violation, violation_kind, severity, responsible, merchant_id, town, grid,
    lng, lat, place, summary, act_at, reported_at, clock_from, due_at, step_due_at, due_provisional, lead_unit_id, closed_at,
    result, found_true, edition, routing_rule, routing_why, synthetic, suspended_at, suspended_until, suspended_for, more_days,
    extensions, extension_asked_days, supervised_at, supervised_due_at, supervised_by_id, case_number, moved_at
)
SELECT
    to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || lpad((i %% 100000)::text, 5, '0'), 4,
    CASE WHEN NOT open THEN 'closed' WHEN joint THEN 'handling' WHEN i %% 5 = 0 THEN 'received' WHEN i %% 5 = 1 THEN 'recheck' WHEN i %% 5 = 2 THEN 'handling' ELSE 'dispatched' END,
    CASE WHEN joint THEN 'joint' ELSE 'quick' END,
    CASE WHEN joint THEN 'county' WHEN i %% 11 = 0 THEN 'town' ELSE 'grid' END,
    CASE WHEN violation.kind = 'lead' THEN 'self_check' WHEN violation.id LIKE 'P-%%' THEN 'public' ELSE 'grid_member' END,
    violation.id, violation.kind, 2, violation.responsible, shop.id, shop.town, shop.grid, shop.lng, shop.lat, shop.address,
    violation.summary || '（第' || i || '件）', at, at, at, at + interval '4 days', at + interval '2 days', false,
    CASE WHEN NOT open THEN NULL WHEN joint THEN department.id WHEN i %% 5 IN (0, 1) THEN room.id ELSE grid.id END,
    CASE WHEN NOT open THEN at + interval '30 hours' END,
    CASE WHEN NOT open THEN 'fixed' ELSE '' END, CASE WHEN NOT open THEN true END,
    (SELECT max(id) FROM policy_edition), 'R-70-GRID',
    jsonb_build_object(
        'tried', jsonb_build_array(jsonb_build_object('rule', 'R-70-GRID', 'failed', '')),
        'facts', jsonb_build_object(
            'source', CASE WHEN violation.kind = 'lead' THEN 'self_check' WHEN violation.id LIKE 'P-%%' THEN 'public' ELSE 'grid_member' END,
            'violation', violation.id, 'violation_kind', violation.kind, 'severity', 2, 'merchant_known', true,
            'grid_known', true, 'town_known', true, 'earlier_in_90_days', i %% 6, 'towns_at_once', 1 + i %% 4,
            'town', shop.town, 'merchant_kind', 'restaurant', 'hour', extract(hour FROM at AT TIME ZONE 'Asia/Shanghai')::int
        )
    ), true,
    CASE WHEN rests THEN at END, CASE WHEN rests THEN at + interval '10 days' END, CASE WHEN rests THEN 'SHOP-CLOSED' ELSE '' END,
    0, 0, CASE WHEN open AND i %% 37 = 5 THEN 2 END,
    CASE WHEN watched THEN at END, CASE WHEN watched THEN at + interval '3 days' END, CASE WHEN watched THEN leader.id END,
    '', at + interval '12 hours'
FROM generate_series(1, %(issues)s) AS i
CROSS JOIN LATERAL (
    SELECT timestamptz '2026-03-05 12:00+08' - (i * interval '%(seconds)s seconds') AS at, i %% 40 = 0 OR i < 600 AS open
) AS made
CROSS JOIN LATERAL (
    SELECT (i / 40) %% 17 = 3 AND i %% 8 = 0 AS joint, open AND i %% 53 = 7 AS rests, open AND i %% 61 = 9 AS watched
) AS marked
JOIN shop ON shop.n = (i::bigint * 7919) %% (SELECT count(*) FROM shop)
JOIN violation ON violation.n = (i * 31::bigint) %% 7
JOIN unit AS room ON room.kind = 'town' AND room.town = shop.town
JOIN unit AS grid ON grid.kind = 'grid' AND grid.grid = shop.grid
JOIN unit AS department ON department.code = violation.responsible
CROSS JOIN (SELECT min(id) AS id FROM accounts_user WHERE username = 'leader') AS leader;

INSERT INTO issues_assignment (
    issue_id, unit_id, part, state, step, given_at, due_at, due_provisional, ended_at, more_days, outcome, words
)
SELECT id, coalesce(lead_unit_id, (SELECT min(id) FROM unit WHERE kind = 'town')), 'lead',
       CASE WHEN lead_unit_id IS NULL THEN 'done' ELSE 'accepted' END, state, reported_at, step_due_at, false, closed_at, 0, '', ''
FROM issues_issue;

-- Of a joint issue, two departments work along: what has ended was contributed, of the open ones one in nine was objected to.
INSERT INTO issues_assignment (
    issue_id, unit_id, part, state, step, given_at, due_at, due_provisional, ended_at, more_days, outcome, words
)
SELECT issue.id, unit.id, 'cooperating', CASE WHEN open AND NOT objected THEN 'offered' ELSE 'done' END, 'handling', issue.reported_at,
       issue.due_at, false, CASE WHEN NOT open THEN issue.closed_at WHEN objected THEN issue.reported_at + interval '1 day' END, 0,
       CASE WHEN NOT open THEN 'contributed' WHEN objected THEN 'objected' ELSE '' END, CASE WHEN open THEN '' ELSE '已配合' END
FROM issues_issue AS issue
JOIN unit ON unit.kind = 'department' AND unit.code <> issue.responsible AND unit.code <> 'dept-construction'
CROSS JOIN LATERAL (SELECT issue.closed_at IS NULL AS open, issue.id %% 9 = 0 AS objected) AS stands
WHERE issue.flow = 'joint';

INSERT INTO issues_move (
    issue_id, version, move, from_state, to_state, from_level, to_level, words, result, photos, at, data
)
SELECT id, version_, (ARRAY['report', 'dispatch', 'accept', 'feed_back', 'close'])[version_ + 1], '', state, '', level, summary, '',
       '[]', reported_at + version_ * interval '3 hours', '{}'
FROM issues_issue CROSS JOIN generate_series(0, 4) AS version_;

INSERT INTO issues_report (
    token, issue_id, source, own_number, merchant_id, words, place, lng, lat, seen_at, reported_at, reporter_name, reporter_phone,
    phone_index, photos, due_at, due_provisional, answer, answered_at, asked, stars, rating_words, rated_at, synthetic
)
SELECT md5(number), id, 'public', '', merchant_id, summary, place, lng, lat, reported_at, reported_at, '', '', '', '[]',
       reported_at + interval '7 days', false, CASE WHEN closed_at IS NULL THEN '' ELSE '已处理' END,
       CASE WHEN closed_at IS NULL THEN NULL WHEN id %% 30 = 0 THEN reported_at + interval '9 days' ELSE closed_at END, '',
       CASE WHEN closed_at IS NOT NULL AND id %% 20 = 0 THEN 5 END, '', CASE WHEN closed_at IS NOT NULL AND id %% 20 = 0 THEN closed_at END,
       true
FROM issues_issue WHERE source = 'public';

UPDATE merchants_standing SET open_issues = counted.open
FROM (SELECT merchant_id, count(*) AS open FROM issues_issue WHERE closed_at IS NULL GROUP BY 1) AS counted
WHERE counted.merchant_id = merchants_standing.merchant_id;
