-- What the list said at `until`: (merchant, issue number, as what it counts), by the moves made until then.
-- veto: a grave finding, unfixed and not found untrue · complaint: people's, found true · else the task it was found under.
WITH listed AS (
    SELECT issue.id, issue.number, issue.merchant_id, issue.violation, issue.source, issue.reported_at
    FROM issues_issue AS issue
    WHERE issue.merchant_id IS NOT NULL AND issue.violation_kind = 'finding' AND issue.reported_at <= %(until)s
      AND (issue.reported_at > %(complaints_since)s OR issue.violation = ANY(%(vetoes)s))
      AND issue.merchant_id = ANY(%(merchants)s)
    UNION
    SELECT issue.id, issue.number, issue.merchant_id, issue.violation, report.source, report.reported_at
    FROM issues_report AS report JOIN issues_issue AS issue ON issue.id = report.issue_id
    WHERE issue.merchant_id IS NOT NULL AND report.source = ANY(%(sources)s)
      AND report.reported_at <= %(until)s AND report.reported_at > %(complaints_since)s
      AND issue.merchant_id = ANY(%(merchants)s)
), stood AS (
    SELECT listed.*, last.to_state, coalesce(told.result = ANY(%(found_true)s), false) AS is_true,
           coalesce(told.result <> ALL(%(found_true)s), false) AS is_untrue
    FROM listed
    CROSS JOIN LATERAL (
        SELECT to_state FROM issues_move WHERE issue_id = listed.id AND at <= %(until)s ORDER BY version DESC LIMIT 1
    ) AS last
    LEFT JOIN LATERAL (
        SELECT result FROM issues_move
        WHERE issue_id = listed.id AND at <= %(until)s AND result <> '' ORDER BY version DESC LIMIT 1
    ) AS told ON true
    WHERE last.to_state <> 'dismissed'
)
SELECT merchant_id, number, 'veto' FROM stood
WHERE violation = ANY(%(vetoes)s) AND to_state = ANY(%(unfixed)s) AND NOT is_untrue
UNION
SELECT merchant_id, number, 'complaint' FROM stood
WHERE source = ANY(%(sources)s) AND is_true
UNION
SELECT merchant_id, number, tasks.task FROM stood
JOIN unnest(%(violations)s::text[], %(tasks)s::text[]) AS tasks(violation, task) USING (violation)
WHERE source IN ('officer', 'grid_member') AND reported_at > %(findings_since)s AND NOT is_untrue
ORDER BY merchant_id, number
