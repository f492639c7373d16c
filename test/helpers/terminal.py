"""Runs a command on a terminal: terminal.py ROWS COLUMNS ARGV...

Standard input is a JSON list of what is done in turn: ["expect", REGEX] waits for output (counted from the end of the
match before), ["send", TEXT] types, ["resize", ROWS, COLUMNS] changes the window. Prints one JSON object: `output`,
`code` (128 + n after signal n), `restored` (whether the terminal has the modes that it began with) and `failure`.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    rows, columns, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    todo = json.load(sys.stdin)
    # Held open, so that the modes can be read when the command has ended.
    master, slave = pty.openpty()
    resize(slave, rows, columns)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave) if hasattr(os, "login_tty") else take(slave)
        os.execvp(argv[0], argv)
    output, matched, failure, status = b"", 0, None, None
    deadline = time.monotonic() + 60
    while status is None and time.monotonic() < deadline:
        while todo:
            kind, *values = todo[0]
            if kind == "expect":
                match = re.search(values[0].encode(), output[matched:])
                if match is None:
                    break
                matched += match.end()
            elif kind == "send":
                os.write(master, values[0].encode())
            elif kind == "resize":
                resize(master, *values)
            todo.pop(0)
        chunk = read(master, 0.05)
        output += chunk
        for _ in range(chunk.count(b"\x1b[6n")):  # where is the cursor?
            os.write(master, b"\x1b[1;1R")
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = code
    if status is None:
        os.kill(pid, 9)
        failure, status = "timeout", os.waitpid(pid, 0)[1]
    while chunk := read(master, 0):
        output += chunk
    failure = failure or (f"not reached: {todo[0]}" if todo else None)
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    restored = termios.tcgetattr(slave) == before
    text = output.decode("utf-8", "replace")
    print(json.dumps({"output": text, "code": code, "restored": restored, "failure": failure}))


def take(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(slave)


def read(fd, patience):
    ready, _, _ = select.select([fd], [], [], patience)
    return os.read(fd, 65536) if ready else b""


main()
