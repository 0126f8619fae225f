"""Walls around code and text that are hostile.

Threat model. The program is written by a model that is rewarded for passing tests, and may have learned anything. It
runs as Python or machine code and makes any system call it likes. It wants to pass without being right, to see what is
outside, to change it, to stay after its time, to spend more than its share, or to reach the network. It must not

- reach any network, or any process outside its box, by sockets, signals, tracing, shared memory or descriptors;
- read anything but the system's programs and libraries (/usr), one Python, this package, and the packages named for it;
- write anything but its own file systems, which are in memory, bounded, and gone with the box;
- see the environment or arguments of any other process (there is no /proc), or a descriptor that was left open;
- start a namespace, mount, gain a capability or another user, or use kernel interfaces that a solution has no use for;
- use more memory, processes, output or clock time than its limits, or more of the processor than any other answer;
- leave a process, file, mount or control group behind, or change what its next run or the next answer meets;
- decide its own verdict: expected outputs and comparisons are never in its box (verifiers/code).

What is trusted: the kernel, bubblewrap, the interpreter, and this package. `probe.py` tries the attacks before any
program runs; a level that does not hold here is refused by name. README.md says what is not covered.

Whose is what: `sandbox.py` and `box.py` are the handles outside; `launch.py` becomes the sandbox; `inside/` runs there;
`linux.py`, `seccomp.py`, `landlock.py` and `cgroup.py` are the mechanisms; `walls.py` and `forked.py` wall in a process
of our own that evaluates text.
"""
