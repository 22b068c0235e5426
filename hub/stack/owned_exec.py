"""Becomes another program that dies with its owner. Run as a script, with the standard library alone.

`owned_exec.py OWNER SIGNAL USER COMMAND…`: on Linux the kernel sends SIGNAL when the thread of OWNER that
started us ends, however it ends. USER `-` changes nothing; a name drops root for that user, because
PostgreSQL refuses to run as root, and keeps one capability, CAP_DAC_OVERRIDE, so that neither the data
folder's parents nor the installation need to be opened to everybody.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def become(user: str, libc: ctypes.CDLL) -> None:
    """Drop root for `user`, keeping the right to pass folders that are root's alone, where we have it."""
    entry = pwd.getpwnam(user)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main() -> None:
    """See the module."""
    owner, signal_number, user, *command = sys.argv[1:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if user != "-":
            become(user, libc)
        # After the change of user: the kernel forgets this setting when credentials change.
        libc.prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    elif user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if os.getppid() != int(owner):
        sys.exit("the owner is gone")
    os.execv(command[0], command)  # noqa: S606 - becoming that program is the purpose


if __name__ == "__main__":
    main()
