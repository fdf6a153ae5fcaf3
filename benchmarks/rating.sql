-- The fume level of every merchant as one statement: the room's own six as CTEs, then the arithmetic of scoring.py over sets (no monitor of this world ever moved).
INSERT INTO bench_score (merchant_id, score, level, coverage)
WITH merchant (id, scale, paused, town, grid, synthetic) AS MATERIALIZED ({merchants}),
heard (merchant_id, mn, last_at, since_at, unnoted, stands, measured, high, fan, linked) AS MATERIALIZED ({heard}),
care (merchant_id, cleaned_on, emptied_on, first_handover_on, handovers) AS MATERIALIZED ({care}),
listed (merchant_id, number, counts_as) AS MATERIALIZED ({issues}),
declared (merchant_id, month) AS MATERIALIZED ({self_checks}),
before (merchant_id, level) AS MATERIALIZED ({before}),
monitor AS (
    SELECT heard.*, quiet.days AS silent_days,
           CASE WHEN merchant.paused THEN greatest(0, quiet.days - %(excused_days)s) ELSE unnoted END AS unexplained_days
    FROM heard JOIN merchant ON merchant.id = heard.merchant_id
    CROSS JOIN LATERAL (SELECT greatest(0, %(day)s - (since_at AT TIME ZONE %(zone)s)::date - 1) AS days) AS quiet
    WHERE stands AND since_at IS NOT NULL AND (last_at IS NOT NULL OR quiet.days > %(hold_days)s)
),
device AS (
    SELECT merchant_id,
           bool_or(silent_days > 0 OR measured < %(least_measured)s OR fan < %(least_fan)s) AS mute,
           min(CASE WHEN unexplained_days > %(hold_days)s THEN 0 WHEN measured < %(least_measured)s THEN NULL
               ELSE least(100, greatest(0, 100 * (high::float8 / nullif(measured, 0) - %(high_none)s) / (%(high_full)s - %(high_none)s)))
               END) AS concentration,
           min(CASE WHEN unexplained_days > %(hold_days)s THEN 0 WHEN fan < %(least_fan)s THEN NULL
               ELSE least(100, greatest(0, 100 * (linked::float8 / nullif(fan, 0) - %(linked_none)s) / (%(linked_full)s - %(linked_none)s)))
               END) AS linkage
    FROM monitor GROUP BY merchant_id
),
counted AS (
    SELECT merchant_id, count(*) FILTER (WHERE counts_as = 'complaint') AS complaints,
           count(*) FILTER (WHERE counts_as = 'veto') AS vetoes,
           count(*) FILTER (WHERE counts_as = %(cleaning_task)s) AS cleaning_findings,
           count(*) FILTER (WHERE counts_as = %(drains_task)s) AS drains_findings,
           count(*) FILTER (WHERE counts_as = %(waste_task)s) AS waste_findings
    FROM listed GROUP BY merchant_id
),
known AS (
    SELECT merchant.id, device.merchant_id IS NOT NULL AS has_device, coalesce(device.mute, false) AS mute,
           device.concentration, device.linkage, before.level AS level_before, coalesce(counted.vetoes, 0) AS vetoes,
           CASE WHEN cleaned_on IS NULL THEN CASE WHEN cleaning_findings > 0 THEN 0 END
                ELSE 100 * (1 - greatest(0, %(day)s - cleaned_on - cycle.days) / (cycle.days * %(cleaning_late)s)) - coalesce(cleaning_findings, 0) * %(cleaning_finding)s
                END AS cleaning,
           CASE WHEN emptied_on IS NULL THEN CASE WHEN drains_findings > 0 THEN 0 END
                ELSE 100 * (1 - greatest(0, %(day)s - emptied_on - %(trap_days)s) / (%(trap_days)s * %(drains_late)s)) - coalesce(drains_findings, 0) * %(drains_finding)s
                END AS drains,
           CASE WHEN first_handover_on IS NULL THEN CASE WHEN waste_findings > 0 THEN 0 END
                ELSE 100 * least(1, handovers::float8 / greatest(1, least(%(window)s, %(day)s - first_handover_on + 1) / %(every_days)s)) - coalesce(waste_findings, 0) * %(waste_finding)s
                END AS waste,
           100 - coalesce(complaints, 0) * %(per_complaint)s - greatest(0, coalesce(complaints, 0) - 1) * %(per_repeat)s AS complaints,
           100 - greatest(0, (date_part('year', %(day)s::date) - date_part('year', month)) * 12 + date_part('month', %(day)s::date) - date_part('month', month) - %(full_months)s) * %(per_month)s AS self_check
    FROM merchant
    LEFT JOIN device ON device.merchant_id = merchant.id
    LEFT JOIN care ON care.merchant_id = merchant.id
    LEFT JOIN counted ON counted.merchant_id = merchant.id
    LEFT JOIN declared ON declared.merchant_id = merchant.id
    LEFT JOIN before ON before.merchant_id = merchant.id
    LEFT JOIN unnest(%(scales)s::text[], %(cycles)s::int[]) AS cycle(scale, days) ON cycle.scale = merchant.scale
),
summed AS (
    SELECT known.id, mute, vetoes, level_before, sum(weight) FILTER (WHERE points IS NOT NULL) / 100 AS coverage,
           round((sum(weight * round(least(100, greatest(0, points))::numeric, 1)) FILTER (WHERE points IS NOT NULL)
               / sum(weight) FILTER (WHERE points IS NOT NULL))::numeric, 1) AS score
    FROM known
    CROSS JOIN LATERAL unnest(
        ARRAY[concentration, linkage, cleaning, drains, waste, complaints, self_check]::float8[],
        CASE WHEN has_device THEN %(weights_with)s::numeric[] ELSE %(weights_without)s::numeric[] END
    ) AS dimension (points, weight)
    WHERE weight > 0
    GROUP BY known.id, mute, vetoes, level_before
),
levelled AS (
    SELECT id, coverage, mute, level_before, CASE WHEN coverage >= %(lowest_coverage)s THEN score END AS score,
           CASE WHEN vetoes > 0 THEN 3 WHEN coverage < %(lowest_coverage)s THEN NULL
                WHEN score >= %(level_1_from)s THEN 1 WHEN score >= %(level_2_from)s THEN 2 ELSE 3 END AS level
    FROM summed
)
SELECT id, score, CASE WHEN mute THEN greatest(level, level_before) ELSE level END, coverage FROM levelled
