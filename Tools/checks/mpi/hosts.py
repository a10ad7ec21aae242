"""Three hosts on one machine: network namespaces, each with a name and an address of its own, joined by a bridge."""

import os
import shutil

from running import run, sha256

NETWORK = "10.231.77"
HOSTS = 3


def names(mark):
    return ["refx%s%d" % (mark, number) for number in range(HOSTS)]


def lay(mark):
    """Makes the hosts.

    Returns why that is not possible, or None.
    """
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not shutil.which("ip"):
        return "there is no ip command (iproute2)"
    bridge = "rb" + mark
    commands = [["ip", "link", "add", bridge, "type", "bridge"], ["ip", "link", "set", bridge, "up"]]
    for number, name in enumerate(names(mark)):
        inner, outer = "ri%s%d" % (mark, number), "ro%s%d" % (mark, number)
        commands += [
            ["ip", "netns", "add", name],
            ["ip", "link", "add", outer, "type", "veth", "peer", "name", inner],
            ["ip", "link", "set", outer, "master", bridge, "up"],
            ["ip", "link", "set", inner, "netns", name],
            ["ip", "-n", name, "addr", "add", "%s.%d/24" % (NETWORK, number + 1), "dev", inner],
            ["ip", "-n", name, "link", "set", inner, "up"],
            ["ip", "-n", name, "link", "set", "lo", "up"],
        ]
    for command in commands:
        done = run(command)
        if done.code != 0:
            return "%s: %s" % (" ".join(command), done.errors.decode("utf-8", "replace").strip())
    return None


def clear(mark):
    for number, name in enumerate(names(mark)):
        run(["ip", "link", "del", "ro%s%d" % (mark, number)])
        run(["ip", "netns", "del", name])
    run(["ip", "link", "del", "rb" + mark])


def three(commands, folder, check, skip):
    """A save by ranks on three hosts, which talk by TCP."""
    # A short name of this run, so that two do not meet.
    mark = "%x" % (os.getpid() % 0xFFFFF)
    try:
        reason = lay(mark)
        if reason:
            return skip("three hosts", reason)
        agent = os.path.join(folder, "agent")
        with open(agent, "w") as file:
            # mpirun calls it as it would call ssh: options, the host, and what to run there.
            file.write(
                "#!/bin/sh\nwhile [ \"${1#-}\" != \"$1\" ]; do shift; done\nhost=$1\nshift\n"
                "number=$((${host##*.} - 1))\n"
                "exec ip netns exec refx%s$number unshare --uts sh -c \"hostname host$number; $*\"\n" % mark)
        os.chmod(agent, 0o755)
        hostfile = os.path.join(folder, "hostfile")
        with open(hostfile, "w") as file:
            for number in range(HOSTS):
                file.write("%s.%d slots=2\n" % (NETWORK, number + 1))
        source = os.path.join(folder, "mixed.refx")
        for suffix in ("refx", "h5"):
            serial, out = (os.path.join(folder, "%s.%s" % (name, suffix)) for name in ("alone", "hosts"))
            check("one process converts", commands.alone("convert", source, serial, "--force").code == 0)
            network = NETWORK + ".0/24"
            command = [
                "ip", "netns", "exec", names(mark)[0],
                *commands.launcher(
                    4, "--map-by", "node", "--hostfile", hostfile, "--mca", "plm_rsh_agent", agent,
                    "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", network,
                    "--mca", "oob_tcp_if_include", network),
                commands.refx_mpi, "convert", source, out, "--force",
            ]
            done = run(command)
            same = done.code == 0 and sha256(out) == sha256(serial)
            check("ranks on three hosts write the same .%s" % suffix, same, done.told)
            print("three hosts, 4 ranks, .%s: %s, %.1f s"
                  % (suffix, "the same bytes" if same else "WRONG", done.seconds))
    finally:
        clear(mark)
