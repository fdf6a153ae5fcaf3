-- Readings of fume monitors: one wide row a packet, partitioned by week (Monday 00:00 UTC).
-- `at` is the time of the reading (the start of its period), `received_at` that of the batch it came in.
-- The distribution key (device_id) stands in every unique index.
CREATE TABLE reading_fume (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    cn smallint NOT NULL,
    channel smallint NOT NULL,
    received_at timestamptz NOT NULL,
    fume_mg_m3 real,
    pm_mg_m3 real,
    nmhc_mg_m3 real,
    temperature_c real,
    humidity_pct real,
    fan_a real,
    purifier_a real,
    fan_on boolean,
    purifier_on boolean,
    marks jsonb,
    extra jsonb,
    PRIMARY KEY (device_id, at, cn, channel)
) PARTITION BY RANGE (at);
COMMENT ON COLUMN reading_fume.marks IS 'why a column is null or doubtful: {column: data mark, "range" or "text"}';
COMMENT ON COLUMN reading_fume.extra IS 'everything the profile does not know, as it was sent: {"code-suffix": "value"}';

-- There is no default partition: a row that fits none is a mistake somebody should hear of.
-- LIKE and ATTACH, not PARTITION OF: readers and writers of the other weeks are not locked out.
CREATE FUNCTION sensing_make_partition(moment timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := date_trunc('week', moment, 'UTC');
    name text := 'reading_fume_' || to_char(since AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('sensing_make_partition'));
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE reading_fume INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE reading_fume ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, since, since + interval '7 days');
    END IF;
    RETURN name;
END $$;

CREATE FUNCTION sensing_make_partitions(first timestamptz, last timestamptz) RETURNS integer LANGUAGE sql AS $$
    SELECT count(sensing_make_partition(week))::integer
    FROM generate_series(date_trunc('week', first, 'UTC'), last, interval '7 days') AS week
$$;

-- Retention: drops the weeks that ended before `horizon`; answers how many.
CREATE FUNCTION sensing_drop_partitions(horizon timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    name text;
    dropped integer := 0;
BEGIN
    FOR name IN
        SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent = 'reading_fume'::regclass
          AND to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') + 7 <= (horizon AT TIME ZONE 'UTC')::date
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- What was stored together, and which (device, 10-minute window) pairs it changed: three arrays of equal length.
-- `windows`: seconds of the epoch / 600. `latest`: the newest reading of that pair, seconds of the epoch.
-- Read in commit order: by (xid, id), only below pg_snapshot_xmin(pg_current_snapshot()).
CREATE TABLE ingest_batch (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL,
    device_ids integer[] NOT NULL,
    windows integer[] NOT NULL,
    latest integer[] NOT NULL,
    PRIMARY KEY (xid, id)
);

-- What came and could not simply be stored: with its bytes and why.
CREATE TABLE odd_frame (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id integer,
    at timestamptz NOT NULL,
    why text NOT NULL,
    frame bytea NOT NULL
);
CREATE INDEX odd_frame_of_device ON odd_frame (device_id, id DESC);
CREATE INDEX odd_frame_oldest ON odd_frame (at);

-- The last frames of each device, for people who look; gone after a crash, written beside the record.
CREATE UNLOGGED TABLE recent_frame (
    id bigint GENERATED ALWAYS AS IDENTITY,
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    frame bytea NOT NULL,
    PRIMARY KEY (device_id, id)
);

-- Gateways hear of new, changed and removed devices at once.
CREATE FUNCTION sensing_device_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sensing_device', '');
    RETURN NULL;
END $$;

CREATE TRIGGER sensing_device_added AFTER INSERT OR DELETE ON sensing_device
    FOR EACH STATEMENT EXECUTE FUNCTION sensing_device_changed();
CREATE TRIGGER sensing_device_changed AFTER UPDATE OF mn, profile, state ON sensing_device
    FOR EACH STATEMENT EXECUTE FUNCTION sensing_device_changed();
