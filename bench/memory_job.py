"""A job that takes memory: grows to a size in the first half of its time, touching each page, holds it, and leaves a mark that it has ended.

usage: memory_job.py MEGABYTES SECONDS MARK
"""
import sys
import time

size, seconds = int(float(sys.argv[1]) * 1e6), float(sys.argv[2])
steps = 50
held = []
began = time.monotonic()
for step in range(1, steps + 1):
    held.append(bytearray(b"x") * (size // steps))
    time.sleep(max(0, began + seconds / 2 * step / steps - time.monotonic()))
time.sleep(max(0, began + seconds - time.monotonic()))
with open(sys.argv[3], "w") as file:
    file.write("done")
