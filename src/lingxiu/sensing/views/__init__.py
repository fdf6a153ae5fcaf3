"""Pages of devices and alarms. Thin: who asks, what they may see, render."""
