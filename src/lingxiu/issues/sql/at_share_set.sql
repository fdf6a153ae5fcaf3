-- When a share of a clock's time is over, in the time the clock is reckoned in (domain.md §7.2; 民法典 §201, §203).
-- days: the beginnings of the working days, ascending, of every year the clock could reach into. A due time at the end of a day was
-- reckoned in working days: the clock then runs only on these days, from 0:00 to 24:00, and past its due time as well. With opens and
-- closes (seconds of the day) it was reckoned in working hours: it runs only between them, on these days. Any other due time is so many
-- hours after the beginning, and its share is plain time. NULL: it lies beyond the last of these days.
-- One row, told as a set so that the planner takes its text into the query that asks it, instead of calling it for each clock.
DROP FUNCTION IF EXISTS issues_at_share(timestamptz, timestamptz, float8, timestamptz[], text, float8, float8);
CREATE FUNCTION issues_at_share(begun timestamptz, due timestamptz, share float8, days timestamptz[], zone text, opens float8, closes float8)
RETURNS SETOF timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN share = 1 THEN due
        WHEN NOT of_days AND opens IS NULL THEN begun + (due - begun) * share
        ELSE days[floor(seconds / length)::int + 1] + make_interval(secs => first + seconds - floor(seconds / length) * length)
    END
    FROM (
        SELECT of_days, first, length, at_begun + (at_due - at_begun) * share AS seconds
        FROM (SELECT (due AT TIME ZONE zone)::time = time '23:59:59' AS of_days) AS how,
             LATERAL (SELECT CASE WHEN of_days THEN 0 ELSE coalesce(opens, 0) END AS first,
                             CASE WHEN of_days THEN 86400 ELSE coalesce(closes - opens, 86400) END AS length) AS span,
             (SELECT width_bucket(begun, days) AS day) AS b,
             (SELECT width_bucket(due, days) AS day) AS d,
             LATERAL (SELECT CASE WHEN b.day = 0 THEN 0 ELSE (b.day - 1) * length + greatest(0, least(extract(epoch FROM begun - days[b.day])::float8 - first, length)) END AS at_begun) AS since,
             LATERAL (SELECT CASE WHEN d.day = 0 THEN 0 ELSE (d.day - 1) * length + greatest(0, least(extract(epoch FROM due - days[d.day])::float8 - first, length)) END AS at_due) AS until
    ) AS wanted
$$;
