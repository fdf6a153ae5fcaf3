-- Statistics, always recomputed from what they are made of, never added to: late and double data are right by construction.
-- Means are of the readings' mean in thousandths, summed exactly, so that no order of arrival changes a digit.
-- minutes, fan_on_minutes …: minutes of the clock with at least one such reading. One row a window that has readings.
CREATE TABLE window_fume (
    device_id integer NOT NULL,
    at timestamptz NOT NULL,
    count integer NOT NULL,
    valid integer NOT NULL,
    minutes smallint NOT NULL,
    fume_mean real,
    fume_min real,
    fume_max real,
    pm_mean real,
    nmhc_mean real,
    fan_on_minutes smallint NOT NULL,
    purifier_on_minutes smallint NOT NULL,
    fan_without_purifier_minutes smallint NOT NULL,
    minutes_over_1 smallint NOT NULL,
    minutes_over_2 smallint NOT NULL,
    minutes_over_4 smallint NOT NULL,
    PRIMARY KEY (device_id, at)
) WITH (fillfactor = 70);

CREATE TABLE hour_fume (LIKE window_fume INCLUDING ALL) WITH (fillfactor = 70);

-- `at` is the day's beginning in the county's zone.
CREATE TABLE day_fume (LIKE window_fume INCLUDING ALL) WITH (fillfactor = 70);

-- Hours and days whose windows have changed since they were summed up; `marked_at`: when the first of them did.
CREATE TABLE dirty_sum (
    device_id integer NOT NULL,
    step text NOT NULL CHECK (step IN ('hour', 'day')),
    at timestamptz NOT NULL,
    marked_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, step, at)
) WITH (fillfactor = 50);
CREATE INDEX dirty_sum_oldest ON dirty_sum (step, marked_at);

-- What the watch has to look at again, and when it last heard of a device. One row a device.
-- dirty_from, dirty_to: first and last window changed since the alarms were last judged; due_at: when to judge them.
-- silence_from: where the device's present silence began to count.
CREATE TABLE watch_device (
    device_id integer PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    latest_at timestamptz NOT NULL,
    dirty_from timestamptz,
    dirty_to timestamptz,
    dirty_since timestamptz,
    due_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX watch_device_due ON watch_device (due_at) WHERE due_at IS NOT NULL;
