#!/usr/bin/python3
"""paired.py TSV TEST ROUNDS PEER COMMAND... [-- PEER COMMAND...]...: commands that take milliseconds, one after the other, ROUNDS times.

GNU time's clock has steps of 10 ms; this one has none to speak of. Appends rows as lib.sh's measure does (wall, user, sys, peak KB)
and prints each peer's medians against the first one's."""
import os, statistics, sys, time

tsv, test, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
peers, current = [], None
for word in sys.argv[4:] + ["--"]:
    if word == "--":
        peers.append((current[0], current[1:])); current = None
    else:
        current = (current or []) + [word]
rows = {name: [] for name, _ in peers}
with open(tsv, "a") as out:
    for r in range(1, rounds + 1):
        for name, command in peers:
            start = time.perf_counter()
            pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
            _, status, usage = os.wait4(pid, 0)
            wall = time.perf_counter() - start
            rows[name].append((wall, usage.ru_utime + usage.ru_stime))
            code = os.waitstatus_to_exitcode(status)
            print(test, name, r, f"{wall:.4f}", f"{usage.ru_utime:.4f}", f"{usage.ru_stime:.4f}", usage.ru_maxrss, "0", "0", code, sep="\t", file=out)
            if code != 0:
                sys.exit(f"{name}: exit code {code}")
first = rows[peers[0][0]]
for name, all in rows.items():
    wall, cpu = (statistics.median(x[i] for x in all) for i in (0, 1))
    ratio = [statistics.median(a[i] / b[i] for a, b in zip(all, first)) for i in (0, 1)]
    print(f"{test}  {name}: {wall * 1000:.1f} ms, CPU {cpu * 1000:.1f} ms; paired with {peers[0][0]}: x{ratio[0]:.2f}, CPU x{ratio[1]:.2f}", file=sys.stderr)
