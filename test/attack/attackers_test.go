package attack

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// attackers keep processors busy themselves. Each runs in a process of its own,
// which gets what the program and its victim leave: attackers are elsewhere, and
// what they spend is not to count for the program.
var attackers = map[string]func(p *program, over <-chan struct{}){
	"unsigned streams": unsignedStreams,
	"large manifests":  largeManifests,
}

// apart is an attack by such an attacker.
func (p *program) apart(name string) func(over <-chan struct{}) {
	return func(over <-chan struct{}) {
		cmd := exec.Command("nice", "-n", "19", os.Args[0], "-test.run=^TestAttacker$")
		cmd.Env = append(os.Environ(), "ATTACKER="+name, "ATTACKER_ADDR="+p.addr, "ATTACKER_TLS="+strconv.FormatBool(p.tls))
		out := &syncBuffer{}
		cmd.Stdout, cmd.Stderr = out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			p.t.Error(err)
			return
		}
		<-over
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("the attacker: %v\n%s", err, out)
		}
	}
}

// TestAttacker is the other process.
func TestAttacker(t *testing.T) {
	attack := attackers[os.Getenv("ATTACKER")]
	if attack == nil {
		t.Skip("for attacks only")
	}
	p := &program{t: t, addr: os.Getenv("ATTACKER_ADDR"), tls: os.Getenv("ATTACKER_TLS") == "true"}
	over := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(over)
	}()
	attack(p, over)
}
