-- Clocks of open issues of which a rule's share is over and nobody was told yet, in the order in which the shares passed.
-- days, zone, opens, closes: see at_share_set.sql; editions, their_opens, their_closes: of issues that came in under other office hours. only: of this issue alone, or null. rules: id, clock, share, levels ('grid,town'), states ('' any). An issue that rests has no clock running but its answers' and its leader's.
WITH rules AS (
    SELECT id, clock, share, string_to_array(levels, ',') AS levels, string_to_array(nullif(states, ''), ',') AS states
    FROM unnest(%(ids)s::text[], %(clocks)s::text[], %(shares)s::float8[], %(levels)s::text[], %(states)s::text[])
        AS rule (id, clock, share, levels, states)
), clocks AS (
    SELECT issue_id, issue.level, issue.state, kind AS clock, kind || ':' || held.id || coalesce(':' || extract(epoch FROM held.clock_from)::bigint, '') AS key,
           coalesce(held.clock_from, given_at) AS begun, held.due_at AS due,
           CASE WHEN in_working_hours THEN coalesce(other.opens, %(opens)s::float8) END AS opens,
           CASE WHEN in_working_hours THEN coalesce(other.closes, %(closes)s::float8) END AS closes
    FROM issues_assignment AS held JOIN issues_issue AS issue ON issue.id = issue_id
    CROSS JOIN LATERAL (SELECT CASE part WHEN 'lead' THEN 'step' WHEN 'checking' THEN 'look' ELSE 'part' END AS kind) AS of_whom
    LEFT JOIN unnest(%(editions)s::bigint[], %(their_opens)s::float8[], %(their_closes)s::float8[]) AS other (edition, opens, closes)
        ON other.edition = issue.edition
    WHERE ended_at IS NULL AND closed_at IS NULL AND suspended_until IS NULL AND (%(only)s::bigint IS NULL OR issue_id = %(only)s::bigint)
    UNION ALL
    SELECT issue.id, level, issue.state, 'reply', 'reply:' || objecting.id, ended_at, answer_due_at, NULL, NULL
    FROM issues_assignment AS objecting JOIN issues_issue AS issue ON issue.id = issue_id
    WHERE outcome = 'objected' AND answer = '' AND answer_due_at IS NOT NULL AND closed_at IS NULL AND suspended_until IS NULL
      AND issue.state IN ('dispatched', 'handling') AND unit_id <> lead_unit_id AND (%(only)s::bigint IS NULL OR issue_id = %(only)s::bigint)
    UNION ALL
    SELECT id, level, state, 'whole', 'whole:' || id || ':' || extract(epoch FROM clock_from)::bigint, clock_from, due_at, NULL, NULL
    FROM issues_issue WHERE closed_at IS NULL AND suspended_until IS NULL AND (%(only)s::bigint IS NULL OR id = %(only)s::bigint)
    UNION ALL
    SELECT id, level, state, 'supervision', 'supervision:' || id || ':' || extract(epoch FROM supervised_at)::bigint, supervised_at, supervised_due_at, NULL, NULL
    FROM issues_issue WHERE closed_at IS NULL AND supervised_at IS NOT NULL AND (%(only)s::bigint IS NULL OR id = %(only)s::bigint)
    UNION ALL
    SELECT issue_id, level, state, 'answer', 'answer:' || report.id, report.reported_at, report.due_at, NULL, NULL
    FROM issues_report AS report JOIN issues_issue AS issue ON issue.id = issue_id
    WHERE answered_at IS NULL AND closed_at IS NULL AND (%(only)s::bigint IS NULL OR issue_id = %(only)s::bigint)
    UNION ALL -- whoever was answered before it was opened again is answered anew
    SELECT issue_id, level, state, 'answer', 'answer:' || report.id || ':' || extract(epoch FROM clock_from)::bigint, clock_from, report.due_at, NULL, NULL
    FROM issues_issue AS issue JOIN issues_report AS report ON issue_id = issue.id
    WHERE clock_from > issue.reported_at AND answered_at <= clock_from AND closed_at IS NULL AND (%(only)s::bigint IS NULL OR issue_id = %(only)s::bigint)
)
SELECT issue_id, clocks.key, rules.id, passed_at
FROM clocks
JOIN rules ON rules.clock = clocks.clock
CROSS JOIN LATERAL issues_at_share(begun, due, share, %(days)s::timestamptz[], %(zone)s, opens, closes) AS passed_at
WHERE passed_at <= %(now)s
  AND CASE WHEN share < 1 THEN begun ELSE due END <= %(now)s
  AND level = ANY (levels)
  AND (states IS NULL OR state = ANY (states))
  AND NOT EXISTS (SELECT 1 FROM issues_reminder AS told WHERE told.clock = clocks.key AND told.rule = rules.id)
ORDER BY passed_at, rules.share, rules.id, issue_id, clocks.key
LIMIT %(most)s
