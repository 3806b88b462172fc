# Ends a test's server with the test, however the test ends. Its input is a pipe
# that the test process holds: each line is the id of the process that runs now
# (an empty line: none), and the end of the input is the end of the test.
# $1 is the server's folder.
pid=
while read -r line; do pid=$line; done

# runs tells whether the process has not ended; a zombie has, though nobody may
# ever ask for its exit status.
runs() { kill -0 "$1" && ! grep -q '^State:.Z' "/proc/$1/status"; }

# SIGQUIT ends both PostgreSQL and versitygw at once; PostgreSQL tidies up its
# shared memory, which SIGKILL would leave.
if [ -n "$pid" ] && kill -QUIT "$pid"; then
	tries=100
	while runs "$pid" && [ $tries -gt 0 ]; do
		sleep 0.05
		tries=$((tries - 1))
	done
	[ $tries -gt 0 ] || kill -KILL "$pid"
fi

# The lock file of a PostgreSQL that was killed names the memory it left.
memory=$(sed -n '7s/.* //p' "$1/data/postmaster.pid")
[ -z "$memory" ] || ipcrm -m "$memory"

# Children of the server may still be writing.
tries=100
until rm -rf "$1" || [ $tries = 0 ]; do
	sleep 0.05
	tries=$((tries - 1))
done
