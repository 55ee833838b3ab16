#!/usr/bin/python3
"""many-entries.py N: a tar of N small files in directories of 100, as package trees have them, on standard output."""
import sys

def header(name, size, kind):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108] = b"0000644\0" if kind == b"0" else b"0000755\0"
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = b"%011o\0" % size
    h[136:148] = b"%011o\0" % 1700000000
    h[156:157] = kind
    h[257:265] = b"ustar\x0000"
    h[148:156] = b"        "
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)

n, out = int(sys.argv[1]), sys.stdout.buffer
for i in range(n):
    if i % 100 == 0:
        directory = b"usr/lib/node_modules/package-%d/" % (i // 100)
        out.write(header(directory, 0, b"5"))
    else:
        out.write(header(directory + b"module-file-%d.js" % i, 1, b"0") + b"x" + bytes(511))
out.write(bytes(1024))
