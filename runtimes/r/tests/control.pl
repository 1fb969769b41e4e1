# Runs a command with one end of a socket pair as fd 5, and passes on what goes over it from one FIFO and to another: base
# R has no socket pairs. perl control.pl FROM TO COMMAND...
use strict;
use warnings;
use POSIX ();
use Socket;

my ($from, $to, @command) = @ARGV;
$^F = 5;
socketpair(my $host, my $own, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die $!;

sub pass_on {
  my ($open_input, $open_output, $ended) = @_;
  # Twice, so that the command has no children.
  if (my $child = fork) { waitpid $child, 0; return }
  POSIX::_exit(0) if fork;
  POSIX::close($_) for 1, 2, 3, 4;
  close $own;
  alarm 60; # nobody may ever open the FIFO
  my ($input, $output) = ($open_input->(), $open_output->());
  while (sysread $input, my $bytes, 65536) { syswrite $output, $bytes or last }
  $ended->();
  POSIX::_exit(0);
}

my $named = sub { my ($mode, $file) = @_; sub { open(my $fifo, $mode, $file) or POSIX::_exit(1); $fifo } };
my $other = sub { $host };
pass_on($named->('<:raw', $from), $other, sub { shutdown $host, 1 });
pass_on($other, $named->('>:raw', $to), sub { });
close $host;
if (fileno $own != 5) { POSIX::dup2(fileno $own, 5) or die $!; close $own }
# What the test itself has open: no fork would see the end of its own while another harness held it.
POSIX::close($_) for 6 .. 255;
exec @command or die $!;
