-- Alarms known before were told as they were raised.
UPDATE sensing_alarm SET told_at = noticed_at;

-- days_from: the first day of a device whose sums have changed since its days were last judged.
ALTER TABLE watch_device ADD COLUMN days_from timestamptz;
CREATE INDEX watch_device_days ON watch_device (days_from) WHERE days_from IS NOT NULL;
