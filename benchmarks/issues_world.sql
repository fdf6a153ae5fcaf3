-- A county's list: %(issues)s issues over two years, one in forty still open, each with its moves and the assignment that held it.
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

INSERT INTO issues_issue (
    number, version, state, flow, level, source, violation, violation_kind, severity, responsible, merchant_id, town, grid,
    lng, lat, place, summary, act_at, reported_at, clock_from, due_at, step_due_at, due_provisional, lead_unit_id, closed_at,
    result, found_true, edition, routing_rule, routing_why, synthetic
)
SELECT
    to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || lpad((i %% 100000)::text, 5, '0'), 4,
    CASE WHEN NOT open THEN 'closed' WHEN i %% 5 = 0 THEN 'received' WHEN i %% 5 = 1 THEN 'recheck' WHEN i %% 5 = 2 THEN 'handling' ELSE 'dispatched' END,
    'quick', CASE WHEN i %% 11 = 0 THEN 'town' ELSE 'grid' END,
    CASE WHEN violation.kind = 'lead' THEN 'self_check' WHEN violation.id LIKE 'P-%%' THEN 'public' ELSE 'grid_member' END,
    violation.id, violation.kind, 2, violation.responsible, shop.id, shop.town, shop.grid, shop.lng, shop.lat, shop.address,
    violation.summary || '（第' || i || '件）', at, at, at, at + interval '4 days', at + interval '2 days', false,
    CASE WHEN NOT open THEN NULL WHEN i %% 5 IN (0, 1) THEN room.id ELSE grid.id END,
    CASE WHEN NOT open THEN at + interval '30 hours' END,
    CASE WHEN NOT open THEN 'fixed' ELSE '' END, CASE WHEN NOT open THEN true END,
    (SELECT max(id) FROM policy_edition), 'R-70-GRID', '{"tried": []}', true
FROM generate_series(1, %(issues)s) AS i
CROSS JOIN LATERAL (
    SELECT timestamptz '2026-03-05 12:00+08' - (i * interval '630 seconds') AS at, i %% 40 = 0 OR i < 600 AS open
) AS made
JOIN shop ON shop.n = (i::bigint * 7919) %% (SELECT count(*) FROM shop)
JOIN violation ON violation.n = (i * 31) %% 7
JOIN accounts_unit AS room ON room.kind = 'town' AND room.town = shop.town
JOIN accounts_unit AS grid ON grid.kind = 'grid' AND grid.grid = shop.grid;

INSERT INTO issues_assignment (issue_id, unit_id, part, state, step, given_at, due_at, due_provisional, ended_at)
SELECT id, coalesce(lead_unit_id, (SELECT min(id) FROM accounts_unit WHERE kind = 'town')), 'lead',
       CASE WHEN lead_unit_id IS NULL THEN 'done' ELSE 'accepted' END, state, reported_at, step_due_at, false, closed_at
FROM issues_issue;

INSERT INTO issues_move (
    issue_id, version, move, from_state, to_state, from_level, to_level, words, result, photos, at, data
)
SELECT id, version_, (ARRAY['report', 'dispatch', 'accept', 'feed_back', 'close'])[version_ + 1], '', state, '', level, summary, '',
       '[]', reported_at + version_ * interval '3 hours', '{}'
FROM issues_issue CROSS JOIN generate_series(0, 4) AS version_;

UPDATE merchants_standing SET open_issues = counted.open
FROM (SELECT merchant_id, count(*) AS open FROM issues_issue WHERE closed_at IS NULL GROUP BY 1) AS counted
WHERE counted.merchant_id = merchants_standing.merchant_id;
