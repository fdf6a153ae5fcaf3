"""Other ways in than HJ 212: JSON by HTTP and by MQTT, read by mappings that are data."""
