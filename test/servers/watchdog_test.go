package servers

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestWatchdog kills a process with servers, as the time limit of tests or a
// user may, and finds nothing left of them.
func TestWatchdog(t *testing.T) {
	if os.Getenv("TEST_VICTIM") != "" {
		victim(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWatchdog$")
	cmd.Env = append(os.Environ(), "TEST_VICTIM=yes", "TEST_POSTGRES=", "TEST_S3=")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	var pids []int
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		if reason, skipped := strings.CutPrefix(lines.Text(), "skip "); skipped {
			cmd.Wait()
			t.Skip(reason)
		}
		var dir string
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "server %s %d", &dir, &pid); err == nil {
			dirs, pids = append(dirs, dir), append(pids, pid)
			pids = append(pids, childrenOf(pid)...)
		}
	}
	if len(dirs) != 4 || len(pids) < 5 {
		t.Fatalf("the process started servers in %v with processes %v", dirs, pids)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		for _, dir := range dirs {
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				left = append(left, dir)
			}
		}
		for _, pid := range pids {
			if state, _ := processState(pid); state != "" && state != "Z" {
				left = append(left, fmt.Sprint(pid))
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("left behind:", left)
		}
	}
	memory, _ := os.ReadFile("/proc/sysvipc/shm")
	for _, pid := range pids {
		for line := range strings.Lines(string(memory)) {
			if fields := strings.Fields(line); len(fields) > 4 && fields[4] == fmt.Sprint(pid) {
				t.Errorf("shared memory of process %d is left behind", pid)
			}
		}
	}
}

// victim starts servers, says which, and waits to be killed.
func victim(t *testing.T) {
	defer func() {
		if t.Skipped() {
			fmt.Println("skip the servers are not installed")
		}
	}()
	Postgres(t)
	shared, _ := sharedPostgres()
	own, killed := StartPostgres(t), StartPostgres(t)
	store := StartS3(t)
	for _, s := range []struct {
		home    *home
		process *process
	}{{shared.home, shared.process}, {own.home, own.process}, {killed.home, killed.process}, {store.home, store.process}} {
		fmt.Println("server", s.home.dir, s.process.cmd.Process.Pid)
	}
	killed.Kill()
	fmt.Println("ready")
	os.Stdout.Sync()
	time.Sleep(patience)
	os.Exit(1)
}
