-- Clocks of open issues of which a rule's share is over and nobody was told yet, in the order in which the shares passed.
-- days, zone, opens, closes: see at_share_of_hours.sql. only: of this issue alone, or null. rules: id, clock, share, levels ('grid,town'), states ('' any). An issue that rests has no clock running but its answers' and its leader's.
WITH rules AS (
    SELECT * FROM unnest(%(ids)s::text[], %(clocks)s::text[], %(shares)s::float8[], %(levels)s::text[], %(states)s::text[])
        AS rule (id, clock, share, levels, states)
), open_issues AS (
    SELECT * FROM issues_issue WHERE closed_at IS NULL AND (%(only)s::bigint IS NULL OR id = %(only)s::bigint)
), clocks AS (
    SELECT issue.id AS issue_id, 'step' AS clock, 'step:' || lead.id AS key, lead.given_at AS begun, lead.due_at AS due, lead.in_working_hours AS in_hours
    FROM issues_assignment AS lead JOIN open_issues AS issue ON issue.id = lead.issue_id
    WHERE lead.ended_at IS NULL AND lead.part = 'lead' AND issue.suspended_until IS NULL
    UNION ALL
    SELECT issue.id, 'part', 'part:' || part.id, part.given_at, part.due_at, part.in_working_hours
    FROM issues_assignment AS part JOIN open_issues AS issue ON issue.id = part.issue_id
    WHERE part.ended_at IS NULL AND part.part = 'cooperating' AND issue.suspended_until IS NULL
    UNION ALL
    SELECT id, 'whole', 'whole:' || id || ':' || extract(epoch FROM clock_from)::bigint, clock_from, due_at, false
    FROM open_issues WHERE suspended_until IS NULL
    UNION ALL
    SELECT id, 'supervision', 'supervision:' || id || ':' || extract(epoch FROM supervised_at)::bigint,
           supervised_at, supervised_due_at, false
    FROM open_issues WHERE supervised_at IS NOT NULL
    UNION ALL
    SELECT issue.id, 'answer', 'answer:' || report.id, report.reported_at, report.due_at, false
    FROM issues_report AS report JOIN open_issues AS issue ON issue.id = report.issue_id
    WHERE report.answered_at IS NULL
)
SELECT issue_id, clocks.key, rules.id, passed_at
FROM clocks
JOIN rules ON rules.clock = clocks.clock
JOIN open_issues AS issue ON issue.id = clocks.issue_id
CROSS JOIN LATERAL issues_at_share(begun, due, share, %(days)s::timestamptz[], %(zone)s,
    CASE WHEN in_hours THEN %(opens)s::float8 END, CASE WHEN in_hours THEN %(closes)s::float8 END) AS passed_at
WHERE passed_at <= %(now)s
  AND issue.level = ANY (string_to_array(rules.levels, ','))
  AND (rules.states = '' OR issue.state = ANY (string_to_array(rules.states, ',')))
  AND NOT EXISTS (SELECT 1 FROM issues_reminder AS told WHERE told.clock = clocks.key AND told.rule = rules.id)
ORDER BY passed_at, rules.share, rules.id, issue_id
LIMIT %(most)s
