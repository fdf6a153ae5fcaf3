-- Every window of some devices between two moments that has readings.
WITH touched AS (
    SELECT DISTINCT device_id, (date_part('epoch', at)::bigint / 600)::integer AS win FROM reading_fume
    WHERE device_id = ANY (%(devices)s) AND at >= %(first)s AND at < %(last)s
), kinds AS (
    SELECT * FROM jsonb_to_recordset(%(kinds)s::jsonb) AS k (profile text, stands_for integer, commands smallint[])
)
{recompute_windows}
