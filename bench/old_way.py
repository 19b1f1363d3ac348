"""One experiment as it was before: a process of its own, with the whole dataset in memory, a cache in memory, and results written at the end.

usage: old_way.py CONFIG.json          its fields: see incident
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import sys
import threading
import urllib.parse

config = json.load(open(sys.argv[1]))
with open(config["dataset"]) as file:
    samples = [json.loads(line) for line in file]
cache = {}
connections = threading.local()
base = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])


def ask(system, user):
    body = json.dumps({"model": config["model"], "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}], "max_tokens": 128, "temperature": 0})
    key = hashlib.sha256(body.encode()).hexdigest()
    if key not in cache:
        if not hasattr(connections, "http"):
            connections.http = http.client.HTTPConnection(base.hostname, base.port, timeout=600)
        connections.http.request("POST", base.path + "/chat/completions", body, {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
        answer = connections.http.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"HTTP {answer.status}: {said[:200]}")
        cache[key] = json.loads(said)
    return cache[key]["choices"][0]["message"]["content"]


def run(sample):
    answer = ask(config["system"], sample["question"])
    verdict = ask(config["judge"], f"Question: {sample['question']}\nAnswer: {answer}\nIs it right?")
    return {"sample": sample["id"], "answer": answer, "verdict": verdict}


with concurrent.futures.ThreadPoolExecutor(config["threads"]) as pool:
    results = list(pool.map(run, samples))
with open(config["results"], "w") as file:
    for result in results:
        file.write(json.dumps(result) + "\n")
