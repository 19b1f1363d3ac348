"""What the benchmarks of whole programs share: a simulator, the sum of Pss of a tree of processes, limits, and somebody who logs in.

Standard library only; Linux only. A limit is one of two kinds:

  false   the control group's files are replaced, in a mount namespace of the program's own, by ones in which the usage is the measured
          sum of Pss. Nothing happens at the limit: the referee counts how often, and by how much, it was passed. Needs `unshare`.
  host    the same for /proc/meminfo: a machine of that size, for tools that do not know control groups.
  real    with SLUICE_CGROUP=1, where the control group is writable: a child group, whose limit the kernel holds by killing.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parent / "artifacts/bin/Sluice.Cli/release/Sluice.Cli.dll"
MB = 1_000_000


def sluice():
    """The command to measure: the variable SLUICE, e.g. a native build, or what is built here, which is built first when it is old."""
    named = os.environ.get("SLUICE")
    if named:
        return ["dotnet", "exec", named] if named.endswith(".dll") else [named]
    subprocess.run([HERE.parent / "sluice", "--version"], check=True, stdout=subprocess.DEVNULL)
    return ["dotnet", "exec", str(PROGRAM)]


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return f"{os.cpu_count()} cores ({cpu}), {total / 2**20:.1f} GiB, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.2f} before"


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Simulator:
    """The providers, in a process of their own that no figure counts."""

    def __init__(self, place, *options):
        self._process = subprocess.Popen([*sluice(), "simulate", "--json", "--folder", str(place), *options], stdout=subprocess.PIPE, text=True)
        said = self._process.stdout.readline()
        if not said:
            raise SystemExit("the simulator did not start")
        self.address = json.loads(said)["address"]
        self.environment = {
            **os.environ, "OPENAI_BASE_URL": self.address + "/v1", "ANTHROPIC_BASE_URL": self.address, "OPENAI_API_KEY": "bench", "ANTHROPIC_API_KEY": "bench",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def paid(self):
        """How many requests were answered, and how many of them had been answered before."""
        with urllib.request.urlopen(self.address + "/_sim/stats", timeout=60) as answer:
            stats = json.load(answer)
        distinct, repeated = (sum(stats[provider][field] or 0 for provider in ("openai", "anthropic")) for field in ("distinct_bodies", "repeated_bodies"))
        return distinct + repeated, repeated


def pss(pid):
    """A process's share of memory in bytes, shared pages divided; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def tree(root):
    """The numbers of a process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


class NoLimit:
    name = "none"
    bytes = None
    command = []

    def charge(self, usage):
        pass

    def kills(self):
        return 0

    def close(self):
        pass


class FalseLimit(NoLimit):
    """Files that say what the control group would say, below the real mount point; only the program that is measured sees them."""

    name = "false"

    def __init__(self, place, limit):
        self.bytes = limit
        mount, path, is_v1 = memory_group()
        root = place / "group"
        own = root / path.lstrip("/")
        own.mkdir(parents=True, exist_ok=True)
        self._usage = own / ("memory.usage_in_bytes" if is_v1 else "memory.current")
        stat = own / "memory.stat"
        stat.write_text("total_inactive_file 0\ninactive_file 0\n")
        (own / ("memory.limit_in_bytes" if is_v1 else "memory.max")).write_text(f"{limit}\n")
        if is_v1:
            (own / "memory.use_hierarchy").write_text("1\n")
        else:
            (root / "cgroup.controllers").write_text("memory\n")
        self.charge(0)
        self.command = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', str(root), mount]
        if os.geteuid() != 0:
            self.command.insert(1, "-Ur")
        if subprocess.run([*self.command, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            raise NoSuchLimit("mount namespaces are refused here")

    def charge(self, usage):
        # Over the old bytes and with their length: a reader must find neither no file nor half a number.
        with open(self._usage, "r+" if self._usage.exists() else "w") as file:
            file.write(f"{usage:>20}\n")


class FalseHost(NoLimit):
    """A machine of that size: /proc/meminfo says so, for programs that look at nothing else."""

    name = "false host"

    def __init__(self, place, limit):
        self.bytes = limit
        self._file = place / "meminfo"
        self.charge(0)
        self.command = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /proc/meminfo && exec "$@"', str(self._file)]
        if os.geteuid() != 0:
            self.command.insert(1, "-Ur")
        if subprocess.run([*self.command, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            raise NoSuchLimit("mount namespaces are refused here")

    def charge(self, usage):
        total, free = self.bytes // 1024, max(0, self.bytes - usage) // 1024
        with open(self._file, "r+" if self._file.exists() else "w") as file:
            file.write(f"MemTotal: {total:>12} kB\nMemFree: {free:>12} kB\nMemAvailable: {free:>12} kB\nBuffers: 0 kB\nCached: 0 kB\nSwapCached: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")


class RealLimit(NoLimit):
    """A child of our control group."""

    name = "real"

    def __init__(self, limit):
        self.bytes = limit
        mount, path, is_v1 = memory_group()
        self._group = pathlib.Path(mount + path) / f"sluice-bench-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self._group.mkdir()
            (self._group / ("memory.limit_in_bytes" if is_v1 else "memory.max")).write_text(str(limit))
        except OSError as error:
            raise NoSuchLimit(f"the control group is not writable: {error}") from error
        self._events = self._group / ("memory.oom_control" if is_v1 else "memory.events")
        self.command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._group / "cgroup.procs")]

    def kills(self):
        return next((int(line.split()[1]) for line in self._events.read_text().splitlines() if line.startswith("oom_kill ")), 0)

    def close(self):
        for _ in range(100):
            try:
                self._group.rmdir()
                return
            except OSError:
                time.sleep(0.1)


class NoSuchLimit(Exception):
    """A limit of this kind cannot be made here."""


def limit(place, size):
    return RealLimit(size) if os.environ.get("SLUICE_CGROUP") == "1" else FalseLimit(place, size)


def memory_group():
    """The mount point of the memory controller, our group's path below it, and whether it is version 1."""
    groups = {tuple(parts[1].split(",")): parts[2] for parts in (line.rstrip("\n").split(":", 2) for line in open("/proc/self/cgroup"))}
    mounts = [(left.split(), right.split()) for left, right in (line.rstrip("\n").split(" - ", 1) for line in open("/proc/self/mountinfo"))]
    for names, path in groups.items():
        if "memory" in names:
            return next(left[4] for left, right in mounts if right[0] == "cgroup" and "memory" in right[2].split(",")), path, True
    return next(left[4] for left, right in mounts if right[0] == "cgroup2"), groups[("",)], False


LOGIN = r"""
import os, signal, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
while not stop:
    began = time.perf_counter()
    try:
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        print(time.perf_counter() - began, flush=True)
    except OSError:
        print("refused", flush=True)
    time.sleep(0.1)
"""


class Watch:
    """Runs a command and watches it: seconds, peak of the sum of Pss, processes, time above the limit, and how long a new program takes to start beside it."""

    def __init__(self, command, limit=None, environment=None, cwd=None, until=None, output=None):
        """`until` is asked between two looks: when it says yes, everything is killed with SIGKILL."""
        limit = limit or NoLimit()
        self.peak = self.processes = self.over = 0
        self.over_seconds = 0.0
        self.killed = False
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as logins:
            login = subprocess.Popen([*limit.command, sys.executable, "-c", LOGIN], stdout=logins)
            program = subprocess.Popen([*limit.command, *command], env=environment, cwd=cwd, stdout=output or subprocess.DEVNULL, stderr=output and subprocess.STDOUT)
            last = began
            while True:
                pids = tree(program.pid)
                total = sum(pss(pid) for pid in pids)
                limit.charge(total)
                now = time.monotonic()
                self.peak = max(self.peak, total)
                self.processes = max(self.processes, len(pids))
                if limit.bytes and total > limit.bytes:
                    self.over = max(self.over, total - limit.bytes)
                    self.over_seconds += now - last
                last = now
                if until and not self.killed and until():
                    self.killed = True
                    # The children first would let their parent see them go.
                    for pid in pids:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                try:
                    program.wait(0.05)
                    break
                except subprocess.TimeoutExpired:
                    pass
            self.seconds = time.monotonic() - began
            self.exit = program.returncode
            self.oom_kills = limit.kills()
            login.terminate()
            login.wait()
            logins.seek(0)
            said = logins.read().split()
        times = sorted(float(t) for t in said if t != "refused")
        self.refused = said.count("refused")
        self.login_p99 = times[min(len(times) - 1, int(len(times) * 0.99))] if times else float("nan")
        self.login_worst = times[-1] if times else float("nan")
