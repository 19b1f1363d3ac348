#!/usr/bin/env bash
# Makes the two workspaces of this folder with the program of commit 4b31da8: see README.md.
#   SLUICE=.../Sluice.Cli CRASH=.../crash/Sluice.Cli.dll ./make.sh
# SLUICE is that commit's native executable, CRASH its build of the configuration `Crash`, which kills itself at named points.
# Needs python3, sqlite3, curl and jq. Takes about two minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${SLUICE:?the executable of commit 4b31da8}" "${CRASH:?its build of the configuration Crash}"
port=${PORT:-21717}
root=http://127.0.0.1:$port
top=${TOP:-/tmp/study}   # replaced by the folder of the test
rm -rf "$top"
mkdir -p "$top"
trap 'stop_provider' EXIT

export OPENAI_BASE_URL=$root/v1 ANTHROPIC_BASE_URL=$root OPENAI_API_KEY=sk-one ANTHROPIC_API_KEY=sk-ant-one OPENAI_COMPATIBLE_API_KEY=sk-local

provider= workspace=
stop_provider() { if [ -n "$provider" ]; then kill "$provider" 2>/dev/null || true; wait "$provider" 2>/dev/null || true; provider=; fi; }
serve() { # serve OPTIONS...: (re)starts the provider on the same folder
    stop_provider
    "$SLUICE" simulate --port "$port" --folder "$workspace/provider" "$@" >"$top/provider.log" 2>&1 & provider=$!
    for _ in $(seq 200); do curl -sf "$root/_sim/health" >/dev/null && return; sleep 0.05; done
    echo "no provider"; exit 1
}
faults() { printf '%s' "$1" >"$top/faults.json"; echo "$top/faults.json"; }
query() { sqlite3 -readonly "$workspace/.sluice/ledger.db" "$1" 2>/dev/null || true; }
sluice() { local code=0; (cd "$workspace" && "$SLUICE" "$@" --quiet) || code=$?; case $code in 0 | 1 | 8) ;; *) echo "$code: $*"; exit 1 ;; esac; }
killed_at() { # killed_at POINT COMMAND...: the process dies at this point
    local point=$1; shift
    (cd "$workspace" && SLUICE_CRASH_AT=$point dotnet exec "$CRASH" "$@" --quiet) && { echo "not killed at $point: $*"; exit 1; } || [ $? = 137 ]
}
killed_when() { # killed_when SQL COMMAND...: kill -9 as soon as the query gives a row
    local sql=$1; shift
    (cd "$workspace" && exec "$SLUICE" "$@" --quiet) & local process=$!
    for _ in $(seq 600); do [ -n "$(query "$sql")" ] && break; sleep 0.05; done
    [ -n "$(query "$sql")" ] || { echo "never: $sql"; exit 1; }
    kill -9 $process; wait $process 2>/dev/null || true
}

# A command carries every open batch of the accounts whose keys it has. So each batch that stays open has an account, that is a key, of its own,
# which only the commands of its experiment are given: KEY_ENDED for the experiment `ended`.
key_of() { local name=KEY_${1^^}; echo "${name//-/_}"; }
with() { # with NAME COMMAND...: a command that has this experiment's key
    local name=$1; shift
    export "$(key_of "$name")=sk-$name"
    "$@"
    unset "$(key_of "$name")"
}

c() { printf ' configs/%s.yaml' "$@"; }
offset=0
config() { # config NAME COUNT PROVIDER [MORE-MODEL] [MORE]: an experiment over questions of its own
    # Models at an address of their own are asked nowhere else: whose their answers are is plain.
    local model; case $1:$3 in url-*) model=gpt-4.1-mini ;; ant-url-*) model=claude-sonnet-4-5 ;; *:anthropic) model=claude-haiku-4-5 ;; *:openai-compatible) model=local-7b ;; *) model=gpt-4o-mini ;; esac
    cat >"$workspace/configs/$1.yaml" <<YAML
name: $1
dataset: { path: data.jsonl, id: id, offset: $offset, limit: $2 }
model: { provider: $3, name: $model, ${4:-}params: { temperature: 0, max_tokens: 64 } }
user: "{{ sample.question }}"
scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
batch: { lost_after_seconds: 1 }
${5:-}
YAML
    offset=$((offset + $2))
}
cut_off() { # cut_off LIVE COUNT BATCHES... SPOOLING: two processes, of which one has so many live calls under way and the other an open spool; both are killed
    (cd "$workspace" && exec "$SLUICE" run "configs/$1.yaml" --sweep half --quiet) & local process=$!
    local sql="SELECT 1 FROM (SELECT * FROM claims UNION ALL SELECT * FROM claims_recent) WHERE value<0 GROUP BY value HAVING count(*)=$2"
    for _ in $(seq 600); do [ -n "$(query "$sql")" ] && break; sleep 0.05; done
    [ -n "$(query "$sql")" ] || { echo "never: $sql"; exit 1; }
    with spooling killed_at "ledger.seal.before#$(($# - 2))" submit $(c "${@:3}") --sweep half
    kill -9 $process; wait $process 2>/dev/null || true
}
begin() { # begin NAME: an empty workspace
    workspace=$top/$1 offset=0
    mkdir -p "$workspace/configs"
    python3 -c 'import json
for n in range(400): print(json.dumps({"id": f"s{n}", "question": f"Question {n} echo: A: {n}", "answer": n}))' >"$workspace/data.jsonl"
}
pack() { # pack NAME: what a copy of the folder would have; SQLite makes the file of shared memory anew
    stop_provider
    find "$workspace" -name '*-shm' -delete
    # Where it was made is no part of it: the test puts its own folder and its own provider's address in their place.
    tar --sort=name --owner=0 --group=0 --numeric-owner -C "$workspace" -c . | gzip -9n >"$here/$1.tar.gz"
}

# ---------------------------------------------------------------------------------------------------------------- SQLite
begin sqlite
config ingested 10 openai
config failed-line 9 openai
config retry-lines 8 openai
config refused 6 openai
config live-done 8 openai "" "batch_mode: false"
config live-failed 4 openai "" "batch_mode: false"
config live-cut 5 openai "" "batch_mode: false"
config ended 7 openai "api_key_env: KEY_ENDED, "
config half-ingested 6 openai "api_key_env: KEY_HALF_INGESTED, "
config submitted 9 openai "api_key_env: KEY_SUBMITTED, "
config sealed 11 openai "api_key_env: KEY_SEALED, "
config uploaded 12 openai "api_key_env: KEY_UPLOADED, "
config spooling 13 openai "api_key_env: KEY_SPOOLING, "
config creating-made 4 openai "api_key_env: KEY_CREATING_MADE, "
config creating-not-made 5 openai "api_key_env: KEY_CREATING_NOT_MADE, "
config unknown-made 6 openai "api_key_env: KEY_UNKNOWN_MADE, "
config unknown-not-made 7 openai "api_key_env: KEY_UNKNOWN_NOT_MADE, "
config needs-decision 8 openai "api_key_env: KEY_NEEDS_DECISION, "
config ant-ingested 14 anthropic
config ant-live 4 anthropic "" "batch_mode: false"
config ant-submitted 15 anthropic "api_key_env: KEY_ANT_SUBMITTED, "
config ant-provisional 16 anthropic "api_key_env: KEY_ANT_PROVISIONAL, "
config ant-creating 17 anthropic "api_key_env: KEY_ANT_CREATING, "
config ant-unknown 18 anthropic "api_key_env: KEY_ANT_UNKNOWN, "
config ant-foreign 19 anthropic "api_key_env: KEY_ANT_FOREIGN, "
config compat-ingested 5 openai-compatible "base_url: \"$root/v1\", "
config compat-live 3 openai-compatible "base_url: \"$root/v1\", " "batch_mode: false"
config compat-submitted 6 openai-compatible "base_url: \"$root/v1\", "
config compat-sealed 7 openai-compatible "base_url: \"$root/v1\", "
config url-ingested 4 openai "base_url: \"$root/v1\", "
config ant-url-ingested 3 anthropic "base_url: \"$root\", "
cat >"$workspace/configs/two-steps.yaml" <<YAML
name: two-steps
dataset: { path: data.jsonl, id: id, offset: $offset, limit: 5 }
model: { provider: openai, name: gpt-4o-mini, params: { temperature: 0, max_tokens: 64 } }
steps:
  - { name: answer, user: "{{ sample.question }}" }
  - { name: check, user: "Check echo: {{ steps.answer.text }}" }
scores: [{ name: accuracy, type: numeric, value: "{{ steps.check.text }}", target: "{{ sample.answer }}" }]
YAML

serve
# A sweep that is done, one of each kind.
sluice run $(c ingested ant-ingested live-done ant-live compat-ingested compat-live url-ingested ant-url-ingested) --sweep finished
# A batch whose answers are in the cache, and of which the ledger does not know it yet; and one whose next step has not begun.
with half-ingested killed_at ledger.ingested.before#1 run $(c half-ingested) --sweep half
killed_at ledger.ingested.after#1 run $(c two-steps) --sweep half
# Batches that end at the provider after their process has gone.
with ended sluice submit $(c ended) --sweep half
with ant-submitted sluice submit $(c ant-submitted) --sweep half

serve --faults "$(faults '[{ "when": { "operation": "line" }, "times": 1, "fault": { "type": "line-error", "status": 400 } }]')"
sluice run $(c failed-line) --sweep half
serve --faults "$(faults '[{ "when": { "operation": "line" }, "times": 2, "fault": { "type": "line-error", "status": 500 } }]')"
killed_at ledger.ingested.after#1 run $(c retry-lines) --sweep half
serve --faults "$(faults '[{ "fault": { "type": "failed", "code": "invalid_request" } }]')"
sluice run $(c refused) --sweep half
serve --faults "$(faults '[{ "when": { "operation": "live" }, "fault": { "type": "http-status", "status": 400 } }]')"
sluice run $(c live-failed) --sweep half

# Batches that take their time. Those without a key of their own are under way, too.
serve --batch-delay 1000000
sluice submit $(c two-steps) --sweep half
with submitted sluice submit $(c submitted) --sweep half
sluice submit $(c compat-submitted) --sweep half
with sealed killed_at ledger.seal.after#1 submit $(c sealed) --sweep half
with uploaded killed_at ledger.uploaded.after#1 submit $(c uploaded) --sweep half
with creating-made killed_at provider.create.after#1 submit $(c creating-made) --sweep half
with creating-not-made killed_at provider.create.before#1 submit $(c creating-not-made) --sweep half
with ant-creating killed_at provider.create.after#1 submit $(c ant-creating) --sweep half

serve --batch-delay 1000000 --faults "$(faults '[{ "when": { "operation": "create" }, "times": 2, "fault": { "type": "drop", "after": true } }]')"
with unknown-made killed_at ledger.unknown.after#1 submit $(c unknown-made) --sweep half
with ant-provisional killed_when "SELECT 1 FROM intents WHERE provisional=1" run $(c ant-provisional) --sweep half
serve --batch-delay 1000000 --faults "$(faults '[{ "when": { "operation": "create" }, "times": 2, "fault": { "type": "drop" } }]')"
with unknown-not-made killed_at ledger.unknown.after#1 submit $(c unknown-not-made) --sweep half
with ant-unknown killed_at ledger.unknown.after#1 submit $(c ant-unknown) --sweep half
# The create is lost, and a batch of another program of the same size is under way.
serve --batch-delay 1000000 --faults "$(faults '[{ "when": { "operation": "create" }, "skip": 1, "fault": { "type": "drop" } }]')"
python3 -c 'import json
print(json.dumps({"requests": [{"custom_id": f"theirs-{n}", "params": {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": f"theirs {n}"}]}} for n in range(19)]}))' |
    curl -sf "$root/v1/messages/batches" -H 'x-api-key: theirs' -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' -d @- >/dev/null
with ant-foreign killed_when "SELECT 1 FROM intents WHERE provisional=1 AND count=19" run $(c ant-foreign) --sweep half
serve --batch-delay 1000000 --faults "$(faults '[{ "when": { "operation": "create" }, "fault": { "type": "drop", "after": true } }, { "when": { "operation": "list" }, "times": 1000, "fault": { "type": "http-status", "status": 400 } }]')"
with needs-decision killed_when "SELECT 1 FROM intents WHERE state=8" run $(c needs-decision) --sweep half

# The next command would clear up after a dead process: both of these live until the end. None of the calls was carried out.
serve --batch-delay 1000000 --latency 1000000 --faults "$(faults '[{ "when": { "operation": "upload" }, "times": 9, "fault": { "type": "delay", "seconds": 100000 } }]')"
cut_off live-cut 5 compat-sealed spooling
query "SELECT state, count(*), group_concat(count) FROM intents GROUP BY state"
pack sqlite

# ----------------------------------------------------------------------------------------------------------------- JSONL
begin jsonl
lines="cache: { backend: jsonl }"
config ingested 6 openai "" "$lines"
config live-done 4 openai "" "$lines
batch_mode: false"
config half-ingested 5 openai "api_key_env: KEY_HALF_INGESTED, " "$lines"
config ant-ingested 3 anthropic "" "$lines"
config live-cut 3 openai "" "$lines
batch_mode: false"
config submitted 7 openai "api_key_env: KEY_SUBMITTED, " "$lines"
config ant-submitted 9 anthropic "api_key_env: KEY_ANT_SUBMITTED, " "$lines"
config sealed 8 openai "api_key_env: KEY_SEALED, " "$lines"
config spooling 4 openai "api_key_env: KEY_SPOOLING, " "$lines"
serve
sluice run $(c ingested live-done ant-ingested) --sweep finished
with half-ingested killed_at ledger.ingested.before#1 run $(c half-ingested) --sweep half
serve --batch-delay 1000000
with submitted sluice submit $(c submitted) --sweep half
with ant-submitted sluice submit $(c ant-submitted) --sweep half
with sealed killed_at ledger.seal.after#1 submit $(c sealed) --sweep half
serve --batch-delay 1000000 --latency 1000000
cut_off live-cut 3 spooling
# A writer that was killed within a line.
for file in "$workspace"/.sluice/cache/*.jsonl; do last=$file; done
printf '{"key":"' >>"$last"
query "SELECT state, count(*), group_concat(count) FROM intents GROUP BY state"
pack jsonl
