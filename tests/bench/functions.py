#!/usr/bin/env python3
"""How fast the functions start and how large they ship, built as for AWS but for this machine's processor.

Prints, for each function, the median time from exec to the first poll of the Runtime API beside that of a bare
`lambda_runtime` function (at most 1.5 times as long), and the size of its zip (at most 2.3 MB with DynamoDB alone,
4 MB with Cognito or Postgres beside it). Needs Python 3.11 and Rust; nothing else should be running.

    python3 tests/bench/functions.py [--starts 41] [--target DIR]
"""

import argparse
import io
import os
import pathlib
import socket
import statistics
import subprocess
import time
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOWER = 1.5
ALONE, BESIDE = 2_300_000, 4_000_000


def functions():
    """The function crates, by name."""
    found = {}
    for manifest in sorted((ROOT / "functions").glob("*/Cargo.toml")):
        crate = tomllib.loads(manifest.read_text())
        about = crate["package"].get("metadata", {}).get("deployer")
        if about:
            found[crate["package"]["name"]] = about.get("grants", {})
    return found


def build(target):
    command = ["cargo", "build", "--locked", "--workspace", "--profile", "lambda", "--target-dir", str(target)]
    names = [argument for name in functions() for argument in ("--bin", name)]
    subprocess.run([*command, *names, "--example", "bare"], cwd=ROOT, check=True)
    return {name: target / "lambda" / name for name in functions()} | {"bare": target / "lambda" / "examples" / "bare"}


def first_poll(binary):
    """Milliseconds from exec until the function asks for its first event."""
    with socket.socket() as api:
        api.bind(("127.0.0.1", 0))
        api.listen()
        api.settimeout(10)
        environment = {
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % api.getsockname()[1],
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "TABLE_PROFILES": "t",
            "TABLE_IDENTITIES": "t",
            "USER_POOL_ID": "us-east-1_EXAMPLE01",
            "DATABASE_SECRET": "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-abcdef",
            "DATABASE_SCHEMA": "s",
        }
        begun = time.perf_counter()
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection, _ = api.accept()
            with connection:
                asked = connection.recv(4096)
                took = time.perf_counter() - begun
        finally:
            process.kill()
            process.wait()
    assert b"/runtime/invocation/next" in asked, f"{binary}: {asked!r}"
    return took * 1000


def starts(binaries, count):
    """The median of each, measured in turn so that whatever else this machine does is shared."""
    taken = {name: [] for name in binaries}
    for _ in range(count):
        for name, binary in binaries.items():
            taken[name].append(first_poll(binary))
    return {name: statistics.median(times) for name, times in taken.items()}


def zipped(binary):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return len(packed.getvalue())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--starts", type=int, default=41)
    arguments.add_argument("--target", type=pathlib.Path, default=ROOT / "target" / "bench")
    arguments = arguments.parse_args()
    binaries = build(arguments.target.absolute())
    medians = starts(binaries, arguments.starts)
    bare = medians.pop("bare")
    print(f"{'function':<30} {'first poll':>10} {'of bare':>8} {'zip':>11} {'limit':>11}")
    print(f"{'bare':<30} {bare:>7.1f} ms {1:>8.2f} {zipped(binaries['bare']):>11,}")
    missed = []
    for name, grants in functions().items():
        limit = BESIDE if {"user_pool", "database"} & set(grants) else ALONE
        size, ratio = zipped(binaries[name]), medians[name] / bare
        print(f"{name:<30} {medians[name]:>7.1f} ms {ratio:>8.2f} {size:>11,} {limit:>11,}")
        if ratio > SLOWER or size > limit:
            missed.append(name)
    if missed:
        raise SystemExit(f"past the limits: {', '.join(missed)}")


if __name__ == "__main__":
    main()
