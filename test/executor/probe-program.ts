/** A program that lists what a process finds: every system call number, rights, mounts, devices, descriptors, limits, variables. */
import { join } from 'node:path';
import { compileStatic } from './busybox-root.js';

/** One more than the last number tried. */
export const triedNumbers = 480;

/**
 * Tries each number in a child of its own, with arguments that no call can use: `NUMBER:ERRNO`, or `NUMBER:ended` and
 * `NUMBER:waits` for calls that end or hold the caller.
 */
const source = `
  #define _GNU_SOURCE
  #include <errno.h>
  #include <fcntl.h>
  #include <poll.h>
  #include <signal.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <unistd.h>
  #include <sys/syscall.h>
  #include <sys/wait.h>
  static void try_number(int number) {
    int ends[2], result;
    if (pipe(ends)) exit(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      int null = open("/dev/null", O_RDWR);
      dup2(null, 0); dup2(null, 1); dup2(null, 2);
      errno = 0;
      syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
      result = errno;
      write(ends[1], &result, sizeof result);
      _exit(0);
    }
    close(ends[1]);
    struct pollfd wait = { ends[0], POLLIN, 0 };
    if (poll(&wait, 1, 300) == 0) printf("%d:waits\\n", number);
    else if (read(ends[0], &result, sizeof result) == sizeof result) printf("%d:%d\\n", number, result);
    else printf("%d:ended\\n", number);
    kill(child, SIGKILL);
    while (waitpid(-1, 0, WNOHANG | __WALL) > 0);
    waitpid(child, 0, __WALL);
    close(ends[0]);
  }
  int main(int argc, char **argv) {
    for (int number = atoi(argv[1]); number < atoi(argv[2]); number++) try_number(number);
    return 0;
  }`;

/** Compiles the program into a root; false where there is no compiler. */
export function addProbe(root: string): boolean {
  return compileStatic(source, join(root, 'bin/numbers'));
}

/** Everything else, by sections that begin with \`== name\`. For a root of busybox. */
export const probeScript = `
echo '== capabilities'; grep -E '^(Cap[A-Z]|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t '
echo '== mounts'; cut -d' ' -f2,3,4 /proc/self/mounts
echo '== devices'; cd /dev; find . ! -type d ! -type l ! -path './pts/*' | sort | while read f; do stat -c '%n %F %t:%T %a' $f; done; find . -type l | sort | while read f; do echo "$f -> $(readlink $f)"; done
echo '== descriptors'; ls /proc/$$/fd
echo '== limits'; tail -n +2 /proc/self/limits | sed 's/  */ /g'
echo '== environment'; tr '\\0' '\\n' < /proc/$$/environ | sort
echo '== identity'; id; umask; hostname; cat /proc/sys/kernel/domainname; readlink /proc/self/ns/user | wc -l; cut -d' ' -f6,7 /proc/$$/stat
echo '== processes'; ls /proc | grep -E '^[0-9]+$' | head -3
echo '== hidden'; for f in kcore keys timer_list interrupts latency_stats sched_debug timer_stats; do [ -e /proc/$f ] && echo "$f $(head -c 100 /proc/$f | wc -c)"; done; for d in /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap /sys/fs/selinux; do [ -d $d ] && echo "$d $(ls -A $d | wc -l)"; done
echo '== read-only'; for f in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; do grep -q " $f [a-z0-9]* ro," /proc/self/mounts && echo $f; done
echo '== network'; ls /sys/class/net 2>/dev/null | sort
echo '== end'`;

/** The lines of each section. */
export function sectionsOf(text: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    text.split(/^== /m).map((part): [string, string[]] => {
      const [name = '', ...lines] = part.trimEnd().split('\n');
      return [name, lines];
    }),
  );
}
