-- Readings of grease traps, gas alarms, power meters and kitchen cameras: one row a reading, partitioned by week like
-- reading_fume. `at` is the time of the reading, `received_at` that of the batch it came in; `marks` says why a column is null:
-- {column: "range", "text" or "state"}; `extra` keeps what the mapping does not know. device_id stands in every unique index.
CREATE TABLE reading_grease (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    received_at timestamptz NOT NULL,
    level_pct real,
    oil_mm real,
    temperature_c real,
    emptied_at timestamptz,
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, channel)
) PARTITION BY RANGE (at);

CREATE TABLE reading_gas (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    received_at timestamptz NOT NULL,
    lel_pct real,
    state text CHECK (state IN ('normal', 'alarm', 'fault')),
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, channel)
) PARTITION BY RANGE (at);

CREATE TABLE reading_power (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    received_at timestamptz NOT NULL,
    power_w real,
    energy_kwh double precision,
    fan_a real,
    purifier_a real,
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, channel)
) PARTITION BY RANGE (at);

CREATE TABLE camera_state (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    received_at timestamptz NOT NULL,
    state text CHECK (state IN ('online', 'offline')),
    hls_url text,
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, channel)
) PARTITION BY RANGE (at);

CREATE TABLE camera_event (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    channel smallint NOT NULL,
    kind text NOT NULL,
    received_at timestamptz NOT NULL,
    confidence real,
    picture_url text,
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, channel, kind)
) PARTITION BY RANGE (at);

-- The functions of reading_fume, for every table that is partitioned by week.
CREATE OR REPLACE FUNCTION sensing_partitioned() RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    VALUES ('reading_fume'), ('reading_grease'), ('reading_gas'), ('reading_power'), ('camera_state'), ('camera_event')
$$;

CREATE OR REPLACE FUNCTION sensing_make_partition_of(parent text, moment timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := date_trunc('week', moment, 'UTC');
    name text := parent || '_' || to_char(since AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('sensing_make_partition'));
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', name, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, name, since, since + interval '7 days');
    END IF;
    RETURN name;
END $$;

CREATE OR REPLACE FUNCTION sensing_make_partition(moment timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT sensing_make_partition_of('reading_fume', moment)
$$;

CREATE OR REPLACE FUNCTION sensing_make_partitions(first timestamptz, last timestamptz) RETURNS integer LANGUAGE sql AS $$
    SELECT count(sensing_make_partition_of(parent, week))::integer
    FROM sensing_partitioned() AS parent,
         generate_series(date_trunc('week', first, 'UTC'), last, interval '7 days') AS week
$$;

CREATE OR REPLACE FUNCTION sensing_drop_partitions(horizon timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    name text;
    dropped integer := 0;
BEGIN
    FOR name IN
        -- Materialized: indexes are in pg_inherits too, and their names end with no day that could be read.
        WITH weeks AS MATERIALIZED (
            SELECT inhrelid::regclass::text AS week FROM pg_inherits
            WHERE inhparent IN (SELECT parent::regclass FROM sensing_partitioned() AS parent)
        )
        SELECT week FROM weeks
        WHERE to_date(right(week, 8), 'YYYYMMDD') + 7 <= (horizon AT TIME ZONE 'UTC')::date
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- What the watch has to look at again of these devices, and when it last heard of one. One row a device.
-- dirty_from: the first reading that is new or fuller since alarms were judged. due_at: when to judge: at once after a new
-- reading, else when time alone may raise or clear something; null: never.
CREATE TABLE point_device (
    device_id integer PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    latest_at timestamptz NOT NULL,
    dirty_from timestamptz,
    due_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX point_device_due ON point_device (due_at) WHERE due_at IS NOT NULL;
