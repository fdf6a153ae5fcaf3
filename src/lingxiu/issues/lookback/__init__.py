"""Looking back over the list: figures of any period, reports in Word, key places, red and black lists."""
