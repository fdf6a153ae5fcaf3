-- way: how what was stored came in (hj212, mqtt, http); of a device, how it came last.
ALTER TABLE ingest_batch ADD COLUMN way text NOT NULL DEFAULT 'hj212';
ALTER TABLE watch_device ADD COLUMN way text NOT NULL DEFAULT 'hj212';
ALTER TABLE point_device ADD COLUMN way text NOT NULL DEFAULT 'http';
