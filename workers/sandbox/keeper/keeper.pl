# Level `landlock`: confines one process of a model with all that it starts, and ends all of it when it ends itself.
#
# It stands in for a namespace of processes where none can be made. It puts itself into a landlock domain that no signal leaves, and
# the model into a second one within it: the model cannot reach its keeper, and the keeper ends everything in its domain, and nothing
# else, with one call.
#
# Called as `keeper.pl FD`. On FD the plan (landlock.ts), on FD + 1 the filter of system calls, both read to their ends; FD + 2 stays
# open as long as the host wants the model to live. Descriptors from 3 up to FD are the model's.
use strict;

# The kernel's names; what differs between processors comes with the plan.
my ($LANDLOCK_CREATE, $LANDLOCK_ADD, $LANDLOCK_RESTRICT, $PIDFD_OPEN, $CLOSE_RANGE) = (444, 445, 446, 434, 436);
my ($SET_DEATH_SIGNAL, $DROP_BOUND, $BE_SUBREAPER, $NO_NEW_PRIVILEGES) = (1, 24, 36, 38);
my ($EXECUTE, $WRITE, $READ, $READ_FOLDER, $TRUNCATE, $ALL_FILES) = (1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 0xffff);
my ($DEVICES, $ALL_TCP, $SCOPES, $PATH_BENEATH) = (1 << 6 | 1 << 11 | 1 << 15, 3, 3, 1);
my ($FILTER, $LISTEN, $WAIT_KILLABLE) = (1, 1 << 3, 1 << 5);
my ($RECEIVE, $ANSWER, $CONTINUE) = (0xc0502100, 0xc0182101, 1);
my ($O_PATH, $CLOSE_ON_EXEC, $WNOHANG, $SIGKILL, $SIGCHLD) = (0x200000, 4, 1, 9, 17);
my ($EPERM, $EAGAIN, $ENOSYS, $EOPNOTSUPP) = (1, 11, 38, 95);
my $NEEDED_VERSION = 6;

my $plan = shift;
my @words = split /\0/, contents($plan), -1;
my ($PRCTL, $SECCOMP, $CLONE, $SETSID, $SETGROUPS, $SETRESGID, $SETRESUID, $pass, $pids, $network) = map { $_ + 0 } splice @words, 0, 10;
my ($uid, $readable, $writable, $environment, $command) = map { [splice @words, 0, shift @words] } 1 .. 5;
my $filter = contents($plan + 1);
my $lifeline = $plan + 2;

become($uid->[0] + 0) if @$uid;
check_version();
demand('no_new_privs', $PRCTL, $NO_NEW_PRIVILEGES, 1, 0, 0, 0);
demand('subreaper', $PRCTL, $BE_SUBREAPER, 1, 0, 0, 0);
restrict(ruleset(0, 0));
fail('its signals reach the host') if kill 0, getppid;
my $listener = demand('seccomp', $SECCOMP, $FILTER, $LISTEN | $WAIT_KILLABLE, pack('S x6 P', length($filter) / 8, $filter));
# Rules for files of /proc hold only while somebody has them open.
my @pinned = map { handle($_) } grep { m{^/proc/(?!self)} } @$readable;
# The filter asks us about every new process but one that shows the pass: this one.
my $model = demand('clone', $CLONE, $SIGCHLD, 0, 0, 0, 0, $pass);
become_model() if $model == 0;
push @pinned, handle("/proc/$model");
exit keep();

sub contents {
  my ($fd) = @_;
  open(my $file, '<&=', $fd) or fail("descriptor $fd: $!");
  local $/;
  my $text = <$file>;
  return defined $text ? $text : fail('the host has gone');
}

# As root: another user, without any right.
sub become {
  my ($uid) = @_;
  for my $capability (0 .. 63) { last if syscall($PRCTL, $DROP_BOUND, $capability, 0, 0, 0) < 0 && $! != $EPERM }
  demand('setgroups', $SETGROUPS, 0, 0);
  demand('setresgid', $SETRESGID, $uid, $uid, $uid);
  demand('setresuid', $SETRESUID, $uid, $uid, $uid);
}

sub check_version {
  my $version = syscall($LANDLOCK_CREATE, 0, 0, 1);
  return if $version >= $NEEDED_VERSION;
  my $needed = "landlock version $NEEDED_VERSION is needed, which Linux has since 6.12";
  fail("$needed; this kernel offers version $version") if $version > 0;
  fail("$needed; it is switched off here: start the kernel with landlock in lsm=") if $! == $EOPNOTSUPP;
  fail("$needed; this kernel has none") if $! == $ENOSYS;
  fail("$needed; its calls are refused here ($!): the container's filter of system calls is older than Docker 20.10.18");
}

# What is handled is refused, but for the rules that follow.
sub ruleset {
  my ($files, $tcp) = @_;
  return demand('landlock_create_ruleset', $LANDLOCK_CREATE, pack('Q3', $files, $tcp, $SCOPES), 24, 0);
}

sub allow {
  my ($ruleset, $fd, $access, $what) = @_;
  demand("landlock_add_rule ($what)", $LANDLOCK_ADD, $ruleset, $PATH_BENEATH, pack('Q l', $access, $fd), 0);
}

sub restrict { demand('landlock_restrict_self', $LANDLOCK_RESTRICT, shift, 0) }

sub handle {
  my ($path) = @_;
  sysopen(my $handle, $path, $O_PATH) or fail("$path: $!");
  return $handle;
}

sub become_model {
  demand('parent death signal', $PRCTL, $SET_DEATH_SIGNAL, $SIGKILL, 0, 0, 0);
  # What the kernel does to a group of processes, unasked, does not reach the keeper.
  demand('setsid', $SETSID);
  my $rules = ruleset($ALL_FILES, $network ? 0 : $ALL_TCP);
  for my $path (@$readable) {
    my $handle = handle($path);
    allow($rules, fileno $handle, $EXECUTE | $READ | (-d $handle ? $READ_FOLDER : 0), $path);
  }
  for my $path (@$writable) {
    my $handle = handle($path);
    allow($rules, fileno $handle, -d $handle ? $ALL_FILES & ~$DEVICES : $READ | $WRITE | $TRUNCATE, $path);
  }
  for my $fd (3 .. $plan - 1) {
    open(my $same, '<&', $fd) or fail("descriptor $fd: $!");
    # R opens its transport again, by name.
    allow($rules, fileno $same, $READ | $WRITE, "descriptor $fd") if -p $same;
  }
  restrict($rules);
  # A file that grows too long is an error that the model can handle.
  $SIG{XFSZ} = 'IGNORE';
  demand('close_range', $CLOSE_RANGE, $plan, 0xffffffff, $CLOSE_ON_EXEC);
  %ENV = map { split /=/, $_, 2 } @$environment;
  exec { $command->[0] } @$command;
  fail("$command->[0]: $!");
}

# Until the model ends, or the host has had enough of it. Returns the exit status, 128 and its number for a signal.
sub keep {
  my $ended = demand('pidfd_open', $PIDFD_OPEN, $model, 0);
  open(my $requests, '+<&=', $listener) or fail("listener: $!");
  open($_, '+<', '/dev/null') for *STDIN, *STDOUT, *STDERR;
  demand('close_range', $CLOSE_RANGE, 3, $plan - 1, 0);
  my $watched = '';
  vec($watched, $_, 1) = 1 for $lifeline, $ended, $listener;
  $SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM TSTP TTIN TTOU PIPE USR1 USR2);
  # Ends the wait, so that whoever was left to us is reaped.
  $SIG{CHLD} = sub { };
  my ($tasks, $status) = (1, undef);
  until (defined $status) {
    my $count = select(my $ready = $watched, undef, undef, undef);
    while ((my $pid = waitpid -1, $WNOHANG) > 0) { $status = $? if $pid == $model }
    next if $count < 1;
    last if vec $ready, $lifeline, 1;
    $tasks = admit($requests, $tasks) if vec $ready, $listener, 1;
  }
  kill 'KILL', -1;
  while ((my $pid = waitpid -1, 0) > 0) { $status = $? if $pid == $model }
  return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

# Answers one request for a new process or thread. `$tasks`: how many there are at most; those that have ended are noticed when it matters.
sub admit {
  my ($requests, $tasks) = @_;
  my $request = "\0" x 80;
  ioctl($requests, $RECEIVE, $request) or return $tasks;
  $tasks = count_tasks() if $tasks >= $pids;
  my $admitted = $tasks < $pids;
  ioctl($requests, $ANSWER, pack('Q q l L', unpack('Q', $request), 0, $admitted ? (0, $CONTINUE) : (-$EAGAIN, 0)));
  return $tasks + $admitted;
}

# The processes and threads below us.
sub count_tasks {
  my ($count, @processes) = (0, children($$, $$));
  while (defined(my $process = shift @processes)) {
    opendir(my $threads, "/proc/$process/task") or next;
    for my $thread (grep { /^\d/ } readdir $threads) {
      $count++;
      push @processes, children($process, $thread);
    }
  }
  return $count;
}

sub children {
  my ($process, $thread) = @_;
  open(my $file, '<', "/proc/$process/task/$thread/children") or return;
  return map { split ' ' } <$file>;
}

sub demand {
  my ($what, $number, @arguments) = @_;
  my $result = syscall($number, @arguments);
  return $result < 0 ? fail("$what: $!") : $result;
}

sub fail {
  print STDERR "@_\n";
  exit 1;
}
