#!/usr/bin/env bash
# Builds everything and runs every test. Ends with a line "N passed, N failed, N skipped".
#   ./test.sh           all tests, the native executable included
#   ./test.sh --quick   without native executables (they take a minute or two to compile), with few kills and seeds
#   ./test.sh --long    as before a release: all kill points to the fifth hit, 1,000 random kills, 100,000 seeds, hundreds of disk faults
set -uo pipefail
cd "$(dirname "$0")"

quick=false
seeds=2000
for arg in "$@"; do
    case "$arg" in
        --quick) quick=true; seeds=500; export SLUICE_QUICK=1 ;;
        --long) seeds=100000; export SLUICE_LONG=1 ;;
        *) echo "usage: ./test.sh [--quick | --long]" >&2; exit 2 ;;
    esac
done

if ! command -v dotnet >/dev/null 2>&1; then
    echo "error: the .NET 10 SDK is needed and \`dotnet\` is not on the PATH" >&2
    exit 3
fi

logs=artifacts/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

count() { # count TOTALS-LINE: adds up what a test runner says in its last summary
    local line=$1 total errors bad skips
    total=$(sed -E 's/.*Total: ([0-9]+).*/\1/' <<<"$line")
    errors=$(sed -E 's/.*Errors: ([0-9]+).*/\1/' <<<"$line")
    bad=$(sed -E 's/.*Failed: ([0-9]+).*/\1/' <<<"$line")
    skips=$(sed -E 's/.*Skipped: ([0-9]+).*/\1/' <<<"$line")
    passed=$((passed + total - bad - skips))
    failed=$((failed + bad + errors))
    skipped=$((skipped + skips))
}

run() { # run NAME COMMAND...: runs a test program and counts its results
    local name=$1; shift
    echo "== $name"
    local log="$logs/$name.log" line
    if ! "$@" >"$log" 2>&1; then
        cat "$log"
    fi
    line=$(grep -E 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        echo "$name said nothing of its results"
        cat "$log"
        failed=$((failed + 1))
    else
        echo "$line" | sed 's/^ *//'
        grep -E '\[(SKIP|FAIL)\]' "$log" || true
        count "$line"
    fi
}

echo "== build"
if ! dotnet build Sluice.slnx --configuration Release --nologo --verbosity quiet; then
    echo "0 passed, 1 failed"
    exit 1
fi

# The journeys that kill the program start it thousands of times: the native executable starts in a tenth of the time.
rm -f "$logs/figures.txt"
crash=artifacts/crash
if [ "$quick" = false ] && { command -v clang || command -v gcc; } >/dev/null 2>&1; then
    if dotnet publish src/Sluice.Cli --configuration Crash --runtime linux-x64 --output "$crash" --nologo --verbosity quiet >"$logs/crash-publish.log" 2>&1; then
        export SLUICE_CRASH_PROGRAM="$PWD/$crash/Sluice.Cli"
    else
        echo "the native build with crash points failed, and a slower one takes its place: $(grep -m 1 error "$logs/crash-publish.log")"
    fi
fi
if [ -z "${SLUICE_CRASH_PROGRAM:-}" ] && ! dotnet build src/Sluice.Cli --configuration Crash --nologo --verbosity quiet; then
    echo "0 passed, 1 failed"
    exit 1
fi

# A cache in Redis is tested against a real server, which each test starts for itself; without one these tests are skipped.
if ! command -v redis-server >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # The run level keeps the package from starting a server of its own.
    { apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends redis-server; } >"$logs/redis-install.log" 2>&1 || echo "redis-server cannot be installed: see $logs/redis-install.log"
fi

bin=artifacts/bin
run unit dotnet exec "$bin/Sluice.Tests/release/Sluice.Tests.dll"
run simulator dotnet exec "$bin/Sluice.Simulator.Tests/release/Sluice.Simulator.Tests.dll"
simulate() { # simulate: the simulated world runs on one thread, so each half of the seeds has a process of its own
    local program=$bin/Sluice.Simulation/crash/Sluice.Simulation.dll half=$((seeds / 2)) bad=0
    dotnet build test/Sluice.Simulation --configuration Crash --nologo --verbosity quiet || return 1
    dotnet exec "$program" --seeds "1..$half" >"$logs/simulation-1.log" 2>/dev/null & local first=$!
    dotnet exec "$program" --seeds "$((half + 1))..$seeds" >"$logs/simulation-2.log" 2>/dev/null || bad=1
    wait "$first" || bad=1
    cat "$logs/simulation-1.log" "$logs/simulation-2.log"
    grep -h '^simulation: ' "$logs/simulation-1.log" "$logs/simulation-2.log" >>"$logs/figures.txt"
    echo "simulation: Total: 1, Errors: 0, Failed: $bad, Skipped: 0"
    return "$bad"
}
run simulation simulate
# The file says how long each took.
run journeys dotnet exec "$bin/Sluice.Journeys/release/Sluice.Journeys.dll" -xml "$logs/journeys.xml"
if [ "$quick" = false ]; then
    run native test/native.sh
fi

if [ -f "$logs/figures.txt" ]; then
    echo "== figures"
    cat "$logs/figures.txt"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
