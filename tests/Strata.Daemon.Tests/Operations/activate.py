"""Starts a program as systemd does with a socket of its own (sd_listen_fds(3), sd_notify(3)), asks it once, ends it, and prints what came."""
import os, signal, socket, sys

directory, program = sys.argv[1], sys.argv[2:]
listening = socket.socket(socket.AF_UNIX)
listening.bind(directory + "/api.sock")
listening.listen(16)
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(directory + "/notify")
told.settimeout(60)
child = os.fork()
if child == 0:
    os.dup2(listening.fileno(), 3)
    os.set_inheritable(3, True)  # where it was 3 already, dup2 did nothing
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="api", NOTIFY_SOCKET=directory + "/notify")
    os.execv(program[0], program)
try:
    print(told.recv(100).decode())
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(directory + "/api.sock")
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    print(client.recv(12).decode())
    os.kill(child, signal.SIGTERM)
    print(told.recv(100).decode())
except OSError:
    os.kill(child, signal.SIGKILL)
    raise
finally:
    print("exit", os.waitpid(child, 0)[1])
