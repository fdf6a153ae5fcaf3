-- Statistics of traps, gas alarms, meters and cameras by channel: always recomputed from what they are made of, like those of
-- fume monitors. Four columns a measured value: how many readings had it, their mean, least and most. Kept for ever.
CREATE TABLE window_grease (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    count integer NOT NULL,
    level_count integer NOT NULL,
    level_mean real,
    level_min real,
    level_max real,
    oil_count integer NOT NULL,
    oil_mean real,
    oil_min real,
    oil_max real,
    temperature_count integer NOT NULL,
    temperature_mean real,
    temperature_min real,
    temperature_max real,
    PRIMARY KEY (device_id, at, channel)
) WITH (fillfactor = 70);

-- minutes…: minutes of the clock with at least one such reading: any, of 20 and of 50 %LEL and more (the usual low and high mark of
-- an alarm), and those in which it called itself in alarm.
CREATE TABLE window_gas (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    count integer NOT NULL,
    lel_count integer NOT NULL,
    lel_mean real,
    lel_min real,
    lel_max real,
    minutes integer NOT NULL,
    minutes_over_20 integer NOT NULL,
    minutes_over_50 integer NOT NULL,
    minutes_alarm integer NOT NULL,
    PRIMARY KEY (device_id, at, channel)
) WITH (fillfactor = 70);

-- used_kwh: by how much the count grew between the readings here; first_kwh and last_kwh tell what it grew from one row to the
-- next. A count that falls is another meter's, and nothing is used by that.
CREATE TABLE window_power (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    count integer NOT NULL,
    power_count integer NOT NULL,
    power_mean real,
    power_min real,
    power_max real,
    fan_count integer NOT NULL,
    fan_mean real,
    fan_min real,
    fan_max real,
    purifier_count integer NOT NULL,
    purifier_mean real,
    purifier_min real,
    purifier_max real,
    used_kwh double precision,
    first_kwh double precision,
    last_kwh double precision,
    PRIMARY KEY (device_id, at, channel)
) WITH (fillfactor = 70);

-- A state stands until the next one, and no longer than a device of its kind is silent between two.
CREATE TABLE window_camera (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    count integer NOT NULL,
    seconds_online integer NOT NULL,
    seconds_offline integer NOT NULL,
    PRIMARY KEY (device_id, at, channel)
) WITH (fillfactor = 70);

CREATE TABLE window_seen (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    kind text NOT NULL,
    count integer NOT NULL,
    surest real,
    PRIMARY KEY (device_id, at, channel, kind)
) WITH (fillfactor = 70);

DO $$
DECLARE
    step text;
    what text;
BEGIN
    FOREACH step IN ARRAY ARRAY['hour', 'day'] LOOP
        FOREACH what IN ARRAY ARRAY['grease', 'gas', 'power', 'camera', 'seen'] LOOP
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = 70)', step || '_' || what, 'window_' || what);
        END LOOP;
    END LOOP;
END $$;

-- Windows with a new or fuller reading, hours and days with a changed window; `marked_at`: when the first of these came. Written
-- in the transaction of what changed, which holds its row till it ends: nothing is summed up without it and then forgotten.
CREATE TABLE dirty_point (
    device_id integer NOT NULL,
    step text NOT NULL CHECK (step IN ('window', 'hour', 'day')),
    at timestamptz NOT NULL,
    marked_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, step, at)
) WITH (fillfactor = 50);
CREATE INDEX dirty_point_oldest ON dirty_point (step, marked_at);
