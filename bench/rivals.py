"""What others do with one process: diskcache, and a file for each key. usage: rivals.py diskcache|files ENTRIES VALUES"""
import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time


def measure(name, entries, values, put, get, folder):
    keys = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(entries)]
    start = time.perf_counter()
    for i, key in enumerate(keys):
        put(key, values[i % len(values)])
    puts = entries / (time.perf_counter() - start)
    start = time.perf_counter()
    for key in keys:
        if get(key) is None:
            raise SystemExit("an entry is missing")
    gets = entries / (time.perf_counter() - start)
    start = time.perf_counter()
    for i in range(entries):
        if get(keys[i * 7919 % entries]) is None:
            raise SystemExit("an entry is missing")
    scattered = entries / (time.perf_counter() - start)
    stored = sum(os.lstat(os.path.join(root, file)).st_blocks * 512 for root, _, files in os.walk(folder) for file in files)
    # The list of keys is the benchmark's own; what it takes is the same for all.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"{name:<22} {entries:>9} {puts:>9.0f} {gets:>9.0f} {scattered:>11.0f} {stored // entries:>11} {'':>13} {peak:>8.0f}", flush=True)


def main():
    rival, entries, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(file, "rb") as lines:
        values = [line.rstrip(b"\n") for line in lines]
    folder = tempfile.mkdtemp(prefix="sluice-bench-")
    try:
        if rival == "diskcache":
            import diskcache
            cache = diskcache.Cache(folder, size_limit=1 << 40, eviction_policy="none")
            measure("diskcache (Python)", entries, values, cache.set, cache.get, folder)
            cache.close()
        else:
            def put(key, value):
                with open(os.path.join(folder, key[:16] + ".json"), "wb") as out:
                    out.write(value)

            def get(key):
                try:
                    with open(os.path.join(folder, key[:16] + ".json"), "rb") as source:
                        return source.read()
                except FileNotFoundError:
                    return None
            measure("file per key (Python)", entries, values, put, get, folder)
    finally:
        shutil.rmtree(folder)


main()
