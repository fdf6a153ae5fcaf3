-- Gateways hear at once of what is to be asked of a device: the payload is its id.
CREATE FUNCTION sensing_request_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sensing_request', NEW.device_id::text);
    RETURN NULL;
END $$;

CREATE TRIGGER sensing_request_waits AFTER INSERT OR UPDATE OF state ON sensing_devicerequest
    FOR EACH ROW WHEN (NEW.state = 'waiting') EXECUTE FUNCTION sensing_request_waits();

-- A key is part of what gateways know of a device.
DROP TRIGGER sensing_device_changed ON sensing_device;
CREATE TRIGGER sensing_device_changed AFTER UPDATE OF mn, profile, state, secret, former_secret ON sensing_device
    FOR EACH STATEMENT EXECUTE FUNCTION sensing_device_changed();
