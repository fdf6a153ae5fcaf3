"""N sensors: devices, the gateway they dial, their readings, the windows made of them, and the alarms those raise."""
