DROP FUNCTION issues_at_share(timestamptz, timestamptz, float8, timestamptz[], text, float8, float8);
-- When a share of a clock's time is over, in the time the clock is reckoned in (domain.md §7.2; 民法典 §201).
-- days: the beginnings of the working days, ascending, of every year the clock could reach into. A due time at the end of a day was
-- reckoned in working days: the clock then runs only on these days, from 0:00 to 24:00, and past its due time as well. Any other
-- due time is so many hours after the beginning, and its share is plain time. NULL: it lies beyond the last of these days.
CREATE FUNCTION issues_at_share(begun timestamptz, due timestamptz, share float8, days timestamptz[], zone text)
RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN share = 1 THEN due
        WHEN (due AT TIME ZONE zone)::time <> time '23:59:59' THEN begun + (due - begun) * share
        ELSE days[floor(wanted.seconds / 86400)::int + 1] + make_interval(secs => wanted.seconds - floor(wanted.seconds / 86400) * 86400)
    END
    FROM (
        SELECT at_begun.seconds + (at_due.seconds - at_begun.seconds) * share AS seconds
        FROM (SELECT width_bucket(begun, days) AS day) AS b,
             (SELECT width_bucket(due, days) AS day) AS d,
             LATERAL (SELECT CASE WHEN b.day = 0 THEN 0 ELSE (b.day - 1) * 86400 + least(extract(epoch FROM begun - days[b.day]), 86400) END::float8 AS seconds) AS at_begun,
             LATERAL (SELECT CASE WHEN d.day = 0 THEN 0 ELSE (d.day - 1) * 86400 + least(extract(epoch FROM due - days[d.day]), 86400) END::float8 AS seconds) AS at_due
    ) AS wanted
$$;
